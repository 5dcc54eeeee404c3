#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <limits>

#include "python/binder.h"
#include "python/long_calls.h"
#include "python/python_arrays.h"
#include "unbraid/dsp/denormals.h"
#include "unbraid/model/embedder.h"
#include "unbraid/model/mask_estimator.h"
#include "unbraid/model/model_file.h"

namespace py = pybind11;
namespace fs = std::filesystem;

namespace unbraid {
namespace {

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

}  // namespace

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

}  // namespace unbraid
