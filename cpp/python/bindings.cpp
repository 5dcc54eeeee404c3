#include <pybind11/complex.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <atomic>
#include <filesystem>
#include <limits>

#include "python/docstrings.h"
#include "python/long_calls.h"
#include "python/python_arrays.h"
#include "unbraid/clustering/kmeans.h"
#include "unbraid/clustering/whole_signal.h"
#include "unbraid/dsp/denormals.h"
#include "unbraid/model/model_file.h"
#include "unbraid/model/ort_library.h"
#include "unbraid/stream/gains.h"
#include "unbraid/stream/remixer.h"
#include "unbraid/stream/separator.h"

namespace py = pybind11;
namespace fs = std::filesystem;

namespace unbraid {
namespace {

using Shape = std::vector<py::ssize_t>;

/// The parts of a stream that different threads may use at once.
enum Part : unsigned {
  kHearing = 1,
  kFirstHalfOfNetwork = 2,
  kSecondHalfOfNetwork = 4,
  kNetwork = 6,
  kRendering = 8,
  kAll = 15
};

/// Claims parts of a stream for one call. The core has no locks, so two threads in one of them
/// would corrupt it silently: this makes it an error instead.
class Claim {
 public:
  explicit Claim(std::atomic<unsigned>& busy, unsigned parts = kAll) : busy_(busy), parts_(parts) {
    unsigned before = busy_.load(std::memory_order_relaxed);
    do {
      if ((before & parts) != 0) {
        throw std::runtime_error(
            "this object is in use by another thread: use one object per thread (they share a "
            "Model)");
      }
    } while (!busy_.compare_exchange_weak(before, before | parts, std::memory_order_acquire));
  }
  ~Claim() { busy_.fetch_and(~parts_, std::memory_order_release); }
  Claim(const Claim&) = delete;

 private:
  std::atomic<unsigned>& busy_;
  unsigned parts_;
};

/// Hops as Python hands them from step to step: those that one block made whole.
struct PyHops {
  explicit PyHops(std::vector<Hops> heard) : parts(std::move(heard)) {}
  PyHops(PyHops&&) = default;

  std::vector<Hops> parts;  // each of which goes through the network at once
};

/// Where the rows of an array begin; its samples lie side by side, its rows need not.
std::vector<const float*> rows_of(const FloatArray& audio) {
  const auto* first = reinterpret_cast<const char*>(audio.data());
  std::vector<const float*> rows(audio.shape(0));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    rows[row] = reinterpret_cast<const float*>(first + row * audio.strides(0));
  }
  return rows;
}

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

/// A WholeSignal as Python sees it.
class PyWholeSignal {
 public:
  PyWholeSignal(const std::shared_ptr<const Model>& model, double sample_rate, int channels,
                int talkers)
      : core(model, sample_rate, channels, talkers), part_length_(static_cast<int>(sample_rate)) {}

  FloatArray process(const py::object& audio) {
    const FloatArray mixture = check_array(audio, "audio", 2, "(channels, samples)");
    check_extent(mixture, "audio", 0, core.channels(), "channels");
    std::vector<const float*> rows = rows_of(mixture);
    const py::ssize_t num_samples = mixture.shape(1);
    return separate((num_samples + part_length_ - 1) / part_length_, [&](py::ssize_t part) {
      const py::ssize_t count = std::min(part_length_, num_samples - part * part_length_);
      core.process(rows.data(), count, stems_);
      for (const float*& row : rows) row += count;
    });
  }

  FloatArray finish() {
    return separate(1, [&](py::ssize_t) { core.finish(stems_); });
  }

  WholeSignal core;

 private:
  template <typename Run>
  FloatArray separate(py::ssize_t num_parts, Run run) {
    const Claim claim(busy_);
    if (failed_) throw std::runtime_error("the model failed earlier; make a new WholeSignal");
    stems_.assign(core.num_talkers() * core.channels(), {});
    failed_ = true;
    {
      const py::gil_scoped_release release;
      run_all(num_parts, [this] { core.interrupt(); }, run, kMaxStretchRunSeconds);
    }
    failed_ = false;
    const auto length = static_cast<py::ssize_t>(stems_[0].size());
    FloatArray outputs(Shape{core.num_talkers(), core.channels(), length});
    float* out = outputs.mutable_data();
    for (const std::vector<float>& stem : stems_) out = std::copy(stem.begin(), stem.end(), out);
    stems_.clear();
    return outputs;
  }

  py::ssize_t part_length_;
  std::vector<std::vector<float>> stems_;
  std::atomic<unsigned> busy_ = 0;
  bool failed_ = false;
};

using PySeparator = PyStream<Separator>;
using PyRemixer = PyStream<Remixer>;
using SharedModel = std::shared_ptr<Model>;

py::tuple stem_names(const Model& model) { return py::tuple(py::cast(model.info().stem_names)); }

int latency_samples(const ModelInfo& info, const py::object& sample_rate) {
  double rate = PyFloat_AsDouble(sample_rate.ptr());
  if (PyErr_Occurred()) {
    const bool too_large = PyErr_ExceptionMatches(PyExc_OverflowError) != 0;
    PyErr_Clear();
    if (!too_large) {
      throw py::type_error("sample_rate must be a number in Hz, got " +
                           py::type::of(sample_rate).attr("__name__").cast<std::string>());
    }
    rate = std::numeric_limits<double>::infinity();
  }
  return info.latency_samples(rate);
}

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

/// (num_frames, num_bins), or of two planes (num_frames, 2, num_bins).
FloatArray check_power(const py::object& given, const ModelInfo& info) {
  const bool has_side = info.num_planes() > 1;
  const FloatArray power =
      has_side ? check_array(given, "power", 3, "(num_frames, 2, num_bins), of mid and side")
               : check_array(given, "power", 2, "(num_frames, num_bins)");
  if (has_side) check_extent(power, "power", 1, info.num_planes(), "planes, mid and side");
  check_extent(power, "power", power.ndim() - 1, info.num_bins, "bins");
  return power;
}

/// Sums a frame's bins to bands[num_planes][num_bands].
void sum_bands(const ModelInfo& info, const FloatArray& power, py::ssize_t frame, float* bands) {
  const auto* first = reinterpret_cast<const char*>(power.data()) + frame * power.strides(0);
  for (int plane = 0; plane < info.num_planes(); ++plane) {
    const auto* bins = reinterpret_cast<const float*>(first + plane * power.strides(1));
    info.sum_bands(bins, bands + plane * info.num_bands());
  }
}

FloatArray embeddings(const SharedModel& model, const py::object& given) {
  Embedder embedder(model);
  const ModelInfo& info = model->info();
  const FloatArray power = check_power(given, info);
  if (power.shape(0) == 0) throw py::value_error("power must have at least one frame");
  FloatArray found(Shape{power.shape(0), info.num_bands(), info.embedding});
  std::vector<float> sums(power.shape(0) * info.num_bands());
  for (py::ssize_t frame = 0; frame < power.shape(0); ++frame) {
    sum_bands(info, power, frame, sums.data() + frame * info.num_bands());
  }
  float* out = found.mutable_data();
  const auto num_frames = static_cast<int>(power.shape(0));
  const py::gil_scoped_release release;
  run_all(
      1, [&] { embedder.interrupt(); },
      [&](py::ssize_t) {
        const std::vector<float> values = embedder.embed(sums.data(), num_frames);
        std::copy(values.begin(), values.end(), out);
      },
      kMaxStretchRunSeconds);
  return found;
}

FloatArray cluster_points(const py::object& given, const py::object& given_weights, int count) {
  const FloatArray vectors = check_array(given, "points", 2, "(points, size)");
  const FloatArray weights = check_array(given_weights, "weights", 1, "(points,)");
  check_extent(weights, "weights", 0, vectors.shape(0), "values");
  if (count < 1) throw py::value_error("count must be at least 1");
  Points points{static_cast<int>(vectors.shape(1)), {}, {}};
  for (py::ssize_t i = 0; i < vectors.shape(0); ++i) {
    if (weights.at(i) > 0.0f) points.add(vectors.data(i), weights.at(i));
  }
  const std::vector<float> centres = cluster(points, count);
  FloatArray found(Shape{count, points.size});
  std::copy(centres.begin(), centres.end(), found.mutable_data());
  return found;
}

FloatArray masks(const SharedModel& model, const py::object& given, int frames_per_run) {
  const ModelInfo& info = model->info();
  info.check_streams();
  if (frames_per_run < 1 || frames_per_run > kMaxFramesPerRun) {
    throw py::value_error("frames_per_run must be 1 to " + std::to_string(kMaxFramesPerRun) +
                          ", got " + std::to_string(frames_per_run));
  }
  const FloatArray power = check_power(given, info);
  const py::ssize_t num_frames = power.shape(0);
  Shape shape(power.shape(), power.shape() + power.ndim());
  shape.insert(shape.end() - 1, info.num_stems());
  FloatArray masks(shape);
  float* out = masks.mutable_data();
  MaskEstimator estimator(model);
  estimator.reserve(frames_per_run);
  {  // Only raw memory is touched here; `power` and `masks` keep it alive.
    const py::gil_scoped_release release;
    const FlushDenormals flush_denormals;
    const int num_masks = info.num_planes() * info.num_stems();  // of a frame
    std::vector<float> band_power(frames_per_run * info.power_size());
    std::vector<float> band_masks(frames_per_run * info.masks_size());
    run_all((num_frames + frames_per_run - 1) / frames_per_run, [&] { estimator.interrupt(); },
            [&](py::ssize_t run) {
              const py::ssize_t start = run * frames_per_run;
              const int count =
                  static_cast<int>(std::min<py::ssize_t>(frames_per_run, num_frames - start));
              for (int frame = 0; frame < count; ++frame) {
                sum_bands(info, power, start + frame,
                          band_power.data() + frame * info.power_size());
              }
              estimator.estimate(band_power.data(), count, band_masks.data());
              for (int mask = 0; mask < count * num_masks; ++mask) {
                info.spread_mask(band_masks.data() + mask * info.num_bands(), out);
                out += info.num_bins;
              }
            });
  }
  return masks;
}

std::string find_halves(const Model& model) {
  const py::gil_scoped_release release;
  const ForkGate::Inside inside;
  model.halves();
  return model.one_piece_reason();
}

py::dict states(const Model& model) {
  py::dict shapes;
  for (const StateInfo& state : model.states()) {
    shapes[py::str(state.name)] = py::tuple(py::cast(state.shape));
  }
  return shapes;
}

py::array_t<Complex> analyse(Stft& stft, const py::object& given) {
  const FloatArray frame = check_array(given, "frame", 1, "(win_length,)");
  check_extent(frame, "frame", 0, stft.win_length(), "samples");
  py::array_t<Complex> spectrum(stft.num_bins());
  stft.analyse(frame.data(), spectrum.mutable_data());
  return spectrum;
}

FloatArray synthesise(Stft& stft, const py::array_t<Complex, py::array::c_style>& spectrum) {
  if (spectrum.ndim() != 1) throw py::value_error("spectrum must have shape (num_bins,)");
  check_extent(spectrum, "spectrum", 0, stft.num_bins(), "bins");
  FloatArray frame(stft.win_length());
  stft.synthesise(spectrum.data(), frame.mutable_data());
  return frame;
}

/// Gives a class methods and properties that carry the stub's docstrings.
template <typename Type>
class Binder {
 public:
  Binder(Type& type, std::string name) : type_(type), name_(std::move(name)) {}

  template <typename Function, typename... Extra>
  Binder& def(const char* name, Function&& function, const Extra&... extra) {
    type_.def(name, std::forward<Function>(function), extra..., doc(name));
    return *this;
  }

  template <typename Getter>
  Binder& property(const char* name, Getter&& getter) {
    type_.def_property_readonly(name, std::forward<Getter>(getter), doc(name));
    return *this;
  }

 private:
  const char* doc(const char* member) const { return docstring(name_ + "." + member); }

  Type& type_;
  std::string name_;
};

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
      .property("stem_names", [](const Self& self) { return stem_names(self.core.model()); })
      .property("win_length", [](const Self& self) { return self.core.win_length(); })
      .property("hop_length", [](const Self& self) { return self.core.hop_length(); })
      .property("latency_samples", [](const Self& self) { return self.core.latency_samples(); });
}

/// The entries of a model's contract as properties; `info_of` finds them in the object.
template <typename Type, typename InfoOf>
void bind_info(Type& type, const char* type_name, InfoOf info_of) {
  using Object = typename Type::type;
  Binder binder(type, type_name);
  const auto bind = [&](const char* name, auto member) {
    binder.property(name, [=](const Object& object) { return info_of(object).*member; });
  };
  bind("name", &ModelInfo::name);
  bind("task", &ModelInfo::task);
  bind("bin_hz", &ModelInfo::bin_hz);
  bind("num_bins", &ModelInfo::num_bins);
  bind("win_seconds", &ModelInfo::win_seconds);
  bind("hop_seconds", &ModelInfo::hop_seconds);
  bind("window", &ModelInfo::window);
  bind("lookahead_frames", &ModelInfo::lookahead_frames);
  bind("mask", &ModelInfo::mask);
  bind("embedding", &ModelInfo::embedding);
  bind("sharpness", &ModelInfo::sharpness);
  bind("metadata", &ModelInfo::metadata);  // every entry of ours, keys without their prefix
  binder.property("streams", [=](const Object& object) { return info_of(object).streams(); })
      .property("num_bands", [=](const Object& object) { return info_of(object).num_bands(); })
      .property("channels",
                [=](const Object& object) { return py::tuple(py::cast(info_of(object).channels)); })
      .property("more_stem_names",
                [=](const Object& object) {
                  return py::tuple(py::cast(info_of(object).more_stem_names));
                })
      .property(
          "stem_names",
          [=](const Object& object) { return py::tuple(py::cast(info_of(object).stem_names)); })
      .def(
          "latency_samples",
          [=](const Object& object, const py::object& sample_rate) {
            return latency_samples(info_of(object), sample_rate);
          },
          py::arg("sample_rate"));
}

void bind_model(py::module_& module) {
  py::class_<ModelInfo> model_info(module, "ModelInfo", docstring("ModelInfo"));
  bind_info(model_info, "ModelInfo",
            [](const ModelInfo& info) -> const ModelInfo& { return info; });
  module.def(
      "read_model_info",
      [](const fs::path& path) {
        const py::gil_scoped_release release;  // only files are read, no Python object
        return read_model_info(path);
      },
      py::arg("path"), docstring("read_model_info"));

  module.def(
      "find_problems",
      [](const fs::path& path) {
        return make_unlocked([&] { return Model::find_problems(fs::absolute(path)); });
      },
      py::arg("path"), docstring("find_problems"));

  py::class_<Model, SharedModel> model(module, "Model", docstring("Model"));
  model.def(py::init([](const fs::path& path) {
              return make_unlocked([&] { return std::make_shared<Model>(fs::absolute(path)); });
            }),
            py::arg("path"));
  Binder(model, "Model")
      .def("check_streams", [](const Model& model) { model.info().check_streams(); })
      .def("masks", &masks, py::arg("power"), py::arg("frames_per_run") = 1)
      .def("embeddings", &embeddings, py::arg("power"))
      .property("path", [](const Model& model) { return py::str(py::cast(model.path())); })
      .property("states", &states)
      .property("num_nodes", &Model::num_nodes)
      .property("frames_per_run", &Model::frames_per_run)
      .property("one_frame_reason", &Model::one_frame_reason)
      .def("find_halves", &find_halves)
      // It does not change, so that one is as good as another.
      .def("__copy__", [](const SharedModel& self) { return self; })
      .def(
          "__deepcopy__", [](const SharedModel& self, const py::dict&) { return self; },
          py::arg("memo"));
  bind_info(model, "Model", [](const Model& model) -> const ModelInfo& { return model.info(); });
}

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

void bind_clustering(py::module_& module) {
  py::class_<PyWholeSignal> whole(module, "WholeSignal", docstring("WholeSignal"));
  whole.def(py::init([](double sample_rate, int channels, const SharedModel& model, int talkers) {
              return make_unlocked([&] {
                return std::make_unique<PyWholeSignal>(model, sample_rate, channels, talkers);
              });
            }),
            py::arg("sample_rate"), py::arg("channels"), py::arg("model").none(false),
            py::arg("talkers"));
  Binder(whole, "WholeSignal")
      .def("process", &PyWholeSignal::process, py::arg("audio"))
      .def("finish", &PyWholeSignal::finish);
  module.def("cluster", &cluster_points, py::arg("points"), py::arg("weights"), py::arg("count"),
             docstring("cluster"));
}

void bind_stft(py::module_& module) {
  module.def(
      "stft_sizes",
      [](double sample_rate, double win_seconds, double hop_seconds) {
        const StftSizes sizes = stft_sizes(sample_rate, win_seconds, hop_seconds);
        return py::make_tuple(sizes.win_length, sizes.hop_length);
      },
      py::arg("sample_rate"), py::arg("win_seconds"), py::arg("hop_seconds"),
      docstring("stft_sizes"));
  py::class_<Stft> stft(module, "Stft", docstring("Stft"));
  stft.def(py::init<int, int>(), py::arg("win_length"), py::arg("hop_length"));
  Binder(stft, "Stft")
      .def("analyse", &analyse, py::arg("frame"))
      .def("synthesise", &synthesise, py::arg("spectrum"))
      .property("win_length", &Stft::win_length)
      .property("hop_length", &Stft::hop_length)
      .property("num_bins", &Stft::num_bins)
      .property("power_scale", &Stft::power_scale);
}

/// What the core takes, for messages of the layers above: typed once, here.
void bind_limits(py::module_& module) {
  module.attr("MIN_SAMPLE_RATE") = static_cast<int>(kMinSampleRate);
  module.attr("MAX_SAMPLE_RATE") = static_cast<int>(kMaxSampleRate);
  module.attr("MAX_CHANNELS") = kMaxChannels;
  module.attr("MAX_GAIN_DB") = kMaxGainDb;
  module.attr("FADER_TOP_DB") = kFaderTopDb;
  module.attr("FADER_BOTTOM_DB") = kFaderBottomDb;
}

void raise_os_error(std::exception_ptr exception) {
  try {
    if (exception) std::rethrow_exception(std::move(exception));
  } catch (const fs::filesystem_error& error) {  // OSError chooses its subclass by the number
    const auto details = py::make_tuple(error.code().value(), error.code().message(),
                                        py::str(py::cast(error.path1())));
    PyErr_SetObject(PyExc_OSError, details.ptr());
  }
}

}  // namespace
}  // namespace unbraid

PYBIND11_MODULE(_core, module) {
  unbraid::ForkGate::open();
  module.doc() = unbraid::docstring("");
  module.attr("__version__") = UNBRAID_VERSION;
  py::register_exception<unbraid::ModelError>(module, "ModelError", PyExc_ValueError)
      .attr("__doc__") = unbraid::docstring("ModelError");
  py::register_exception_translator(&unbraid::raise_os_error);
  unbraid::bind_model(module);
  unbraid::bind_streams(module);
  unbraid::bind_clustering(module);
  unbraid::bind_stft(module);
  unbraid::bind_limits(module);
  module.def("set_runtime_library", &unbraid::ort::set_library, py::arg("path"),
             unbraid::docstring("set_runtime_library"));
}
