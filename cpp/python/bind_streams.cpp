#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>

#include "python/binder.h"
#include "python/claim.h"
#include "python/long_calls.h"
#include "python/python_arrays.h"
#include "unbraid/stream/remixer.h"
#include "unbraid/stream/separator.h"

namespace py = pybind11;

namespace unbraid {
namespace {

/// Hops as Python hands them from step to step: those that one block made whole.
struct PyHops {
  explicit PyHops(std::vector<Hops> heard) : parts(std::move(heard)) {}
  PyHops(PyHops&&) = default;

  std::vector<Hops> parts;  // each of which goes through the network at once
};

/// A Separator or a Remixer as Python sees it.
template <typename Core>
class PyStream {
 public:
  template <typename... Arguments>
  explicit PyStream(Arguments&&... arguments) : core(std::forward<Arguments>(arguments)...) {}

  FloatArray process(const py::object& audio) {
    const FloatArray mixture = check_array(audio, "audio", 2, "(channels, samples)");
    check_extent(mixture, "audio", 0, core.channels(), "channels");
    const Claim claim(busy);
    const py::ssize_t num_samples = mixture.shape(1);
    FloatArray outputs(output_shape(num_samples));
    process_hops(rows_of(mixture), output_rows(outputs, num_samples), num_samples);
    return outputs;
  }

  FloatArray flush() {
    const Claim claim(busy);
    const int num_samples = core.latency_samples();
    FloatArray outputs(output_shape(num_samples));
    const std::vector<float> silence(num_samples);
    const std::vector<const float*> rows(core.channels(), silence.data());
    process_hops(rows, output_rows(outputs, num_samples), num_samples);
    core.reset();
    return outputs;
  }

  void reset() {
    const Claim claim(busy);
    core.reset();
  }

  void prepare(py::ssize_t max_block) {
    if (max_block < 0) throw py::value_error("max_block must be 0 or more");
    const Claim claim(busy);
    const py::gil_scoped_release release;
    const ForkGate::Inside inside;
    core.prepare(max_block);
  }

  void halve() {
    const Claim claim(busy);
    const py::gil_scoped_release release;
    const ForkGate::Inside inside;
    core.halve();
  }

  PyHops hear(const py::object& audio) {
    const FloatArray mixture = check_array(audio, "audio", 2, "(channels, samples)");
    check_extent(mixture, "audio", 0, core.channels(), "channels");
    const Claim claim(busy, kHearing);
    const std::vector<const float*> rows = rows_of(mixture);
    const auto num_samples = static_cast<std::size_t>(mixture.shape(1));
    const py::gil_scoped_release release;
    return PyHops(core.hear(rows.data(), num_samples));
  }

  void estimate(PyHops& hops) {
    run_network(
        hops, kNetwork, [this] { core.interrupt(); }, [this](Hops& each) { core.estimate(each); });
  }

  void estimate_first_half(PyHops& hops) {
    run_network(
        hops, kFirstHalfOfNetwork, [this] { core.interrupt(kFirstHalf); },
        [this](Hops& each) { core.estimate_first_half(each); });
  }

  void estimate_second_half(PyHops& hops) {
    run_network(
        hops, kSecondHalfOfNetwork, [this] { core.interrupt(kSecondHalf); },
        [this](Hops& each) { core.estimate_second_half(each); });
  }

  FloatArray render(PyHops& hops) {
    const Claim claim(busy, kRendering);
    py::ssize_t num_samples = 0;
    for (const Hops& each : hops.parts) num_samples += each.size() * core.hop_length();
    FloatArray outputs(output_shape(num_samples));
    std::vector<float*> rows = output_rows(outputs, num_samples);
    const py::gil_scoped_release release;
    for (Hops& each : hops.parts) {
      core.render(each, rows.data());
      for (float*& row : rows) row += each.size() * core.hop_length();
    }
    return outputs;
  }

  Core core;
  std::atomic<unsigned> busy = 0;

 private:
  template <typename Run>
  void run_network(PyHops& hops, unsigned parts, std::function<void()> interrupt, Run run) {
    const Claim claim(busy, parts);
    const py::gil_scoped_release release;
    try {
      run_all(static_cast<py::ssize_t>(hops.parts.size()), std::move(interrupt),
              [&](py::ssize_t i) { run(hops.parts[i]); });
    } catch (...) {
      core.abandon();
      throw;
    }
  }

  /// In parts that a run of the model takes at once, which changes nothing but that signals are
  /// heard in between. Only raw memory is touched; the caller keeps it alive.
  void process_hops(std::vector<const float*> rows, std::vector<float*> output_rows,
                    py::ssize_t num_samples) {
    const py::ssize_t length = core.hop_length() * core.model().frames_per_run();
    const py::ssize_t num_parts = (num_samples + length - 1) / length;
    const py::gil_scoped_release release;
    try {
      {
        const ForkGate::Inside inside;
        core.prepare(std::min(num_samples, length));
      }
      run_all(
          num_parts, [this] { core.interrupt(); },
          [&](py::ssize_t part) {
            const py::ssize_t count = std::min(length, num_samples - part * length);
            core.process(rows.data(), output_rows.data(), count);
            for (const float*& row : rows) row += count;
            for (float*& row : output_rows) row += count;
          });
    } catch (...) {
      core.abandon();  // nobody knows how much was heard
      throw;
    }
  }

  Shape output_shape(py::ssize_t num_samples) const {
    if (core.num_outputs() == 1) return {core.channels(), num_samples};
    return {core.num_outputs(), core.channels(), num_samples};
  }

  std::vector<float*> output_rows(FloatArray& outputs, py::ssize_t num_samples) const {
    std::vector<float*> rows(core.num_outputs() * core.channels());
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i] = outputs.mutable_data() + i * num_samples;
    return rows;
  }
};

using PySeparator = PyStream<Separator>;
using PyRemixer = PyStream<Remixer>;

void set_gains(PyRemixer& remixer, const std::vector<float>& gains) {
  const Claim claim(remixer.busy);
  remixer.core.set_gains(gains);
}

std::vector<float> gains(const PyRemixer& remixer) {
  std::vector<float> gains;
  gains.reserve(remixer.core.model().info().num_stems());
  for (int stem = 0; stem < remixer.core.model().info().num_stems(); ++stem) {
    gains.push_back(remixer.core.gain(stem));
  }
  return gains;
}

template <typename Core>
void bind_stream(py::class_<PyStream<Core>>& type, const char* name) {
  using Self = PyStream<Core>;
  Binder(type, name)
      .def("process", &Self::process, py::arg("audio"))
      .def("flush", &Self::flush)
      .def("reset", &Self::reset)
      .def("prepare", &Self::prepare, py::arg("max_block"))
      .def("hear", &Self::hear, py::arg("audio"))
      .def("estimate", &Self::estimate, py::arg("hops"))
      .def("halve", &Self::halve)
      .def("estimate_first_half", &Self::estimate_first_half, py::arg("hops"))
      .def("estimate_second_half", &Self::estimate_second_half, py::arg("hops"))
      .def("render", &Self::render, py::arg("hops"))
      .property(
          "model",
          [](const Self& self) { return std::const_pointer_cast<Model>(self.core.shared_model()); })
      .property("sample_rate", [](const Self& self) { return self.core.sample_rate(); })
      .property("channels", [](const Self& self) { return self.core.channels(); })
      .property(
          "stem_names",
          [](const Self& self) { return py::tuple(py::cast(self.core.model().info().stem_names)); })
      .property("win_length", [](const Self& self) { return self.core.win_length(); })
      .property("hop_length", [](const Self& self) { return self.core.hop_length(); })
      .property("latency_samples", [](const Self& self) { return self.core.latency_samples(); });
}

}  // namespace

void bind_streams(py::module_& module) {
  const py::class_<PyHops> hops(module, "Hops", docstring("Hops"));
  py::class_<PySeparator> separator(module, "Separator", docstring("Separator"));
  separator.def(py::init([](double sample_rate, int channels, const SharedModel& model) {
                  return make_unlocked(
                      [&] { return std::make_unique<PySeparator>(model, sample_rate, channels); });
                }),
                py::arg("sample_rate"), py::arg("channels"), py::arg("model").none(false));
  bind_stream(separator, "Separator");

  py::class_<PyRemixer> remixer(module, "Remixer", docstring("Remixer"));
  remixer.def(py::init([](double sample_rate, int channels, const SharedModel& model,
                          const std::vector<float>& gains) {
                return make_unlocked([&] {
                  return std::make_unique<PyRemixer>(model, sample_rate, channels, gains);
                });
              }),
              py::arg("sample_rate"), py::arg("channels"), py::arg("model").none(false),
              py::arg("gains"));
  Binder(remixer, "Remixer")
      .def("set_gains", &set_gains, py::arg("gains"))
      .property("gains", &gains);
  bind_stream(remixer, "Remixer");
}

}  // namespace unbraid
