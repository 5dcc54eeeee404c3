#include <algorithm>
#include <atomic>

#include "python/binder.h"
#include "python/claim.h"
#include "python/long_calls.h"
#include "python/python_arrays.h"
#include "unbraid/clustering/kmeans.h"
#include "unbraid/clustering/whole_signal.h"

namespace py = pybind11;

namespace unbraid {
namespace {

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

}  // namespace

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

}  // namespace unbraid
