#pragma once

#include <filesystem>
#include <string>

#include "unbraid/model/installation.h"

/// TEST_FOLDER, and in its models/: `alpha` and `beta`, sound and equally late; `gamma`, later than
/// they are; `broken`, whose graph is not what it says. `small.onnx` beside them is small.
inline std::filesystem::path test_folder() { return unbraid::environment_path("TEST_FOLDER"); }

inline std::filesystem::path model_path(const std::string& name) {
  return test_folder() / "models" / (name + ".onnx");
}
