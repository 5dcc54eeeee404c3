#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "unbraid/model/model_info.h"

namespace unbraid::plugin {

/// A model that a plug-in can load, and what must be known of it before.
struct InstalledModel {
  std::string name;            // the file's, without .onnx
  std::filesystem::path path;  // empty: no such file, only the promise of the usual one
  ModelInfo info;
};

/// The file that UNBRAID_PLUGIN_MODEL names; or else every model in the bundle, in the folders that
/// the bundle's unbraid.conf names, in the package this binary came with and in UNBRAID_MODELS; of
/// two with one name the later wins, as in Python. "dialogue" comes first, the others by name.
/// Files that are no models are left out. Never empty: without a file, the usual model is promised.
std::vector<InstalledModel> find_models();

}  // namespace unbraid::plugin
