#pragma once

#include <string>
#include <vector>

#include "unbraid/model/model_info.h"

/// A model's file as it lies on the disk, before and without ONNX Runtime.
namespace unbraid {

/// All bytes of a file. Throws std::filesystem::filesystem_error that says why it cannot be read.
std::vector<char> read_model_file(const std::string& path);

/// What a model file says of itself, read without opening its graph: hosts ask for latency and
/// parameters of plug-ins that they only look over, perhaps where no ONNX Runtime is installed, and
/// a list of models must not load them all. A file that passes may still fail to load as a Model.
/// `path` in UTF-8. Throws ModelError that names the file, std::filesystem::filesystem_error.
ModelInfo read_model_info(const std::string& path);

}  // namespace unbraid
