#pragma once

#include <cstddef>

namespace unbraid::ort {

/// Finds and loads the ONNX Runtime library, and returns its one entry point, OrtGetApiBase.
/// In this order: the file that UNBRAID_ORT_LIBRARY names; a copy in this binary's bundle; what the
/// bundle's unbraid.conf names; onnxruntime/capi/ beside, or in a site-packages folder of, any
/// folder above this binary; the system's own.
/// Throws ort::Error that lists what was tried.
void* load_entry_point();

}  // namespace unbraid::ort
