#include <pybind11/complex.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>

#include "python/binder.h"
#include "python/fork_gate.h"
#include "python/python_arrays.h"
#include "unbraid/dsp/stft.h"
#include "unbraid/model/ort_library.h"
#include "unbraid/stream/gains.h"
#include "unbraid/stream/stream.h"

namespace py = pybind11;
namespace fs = std::filesystem;

namespace unbraid {
namespace {

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
