#pragma once

#include <filesystem>

namespace unbraid::ort {

/// Where load_entry_point() looks before anywhere but in UNBRAID_ORT_LIBRARY: for a caller that
/// knows where the library was installed, as Python does. Before the first model is opened.
void set_library(const std::filesystem::path& library);

/// Finds and loads the ONNX Runtime library, and returns its one entry point, OrtGetApiBase.
/// In this order: the file that UNBRAID_ORT_LIBRARY names; what was set; a copy in this binary's
/// bundle; what the bundle's unbraid.conf names; onnxruntime/capi/ beside, or in a site-packages
/// folder of, any folder above this binary; the system's own, but for Windows. Throws ort::Error
/// that lists what was tried.
void* load_entry_point();

}  // namespace unbraid::ort
