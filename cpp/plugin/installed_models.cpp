#include "plugin/installed_models.h"

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "unbraid/model/installation.h"
#include "unbraid/model/model_file.h"

namespace fs = std::filesystem;

namespace unbraid::plugin {
namespace {

constexpr const char* kDefaultModel = "dialogue";

std::optional<InstalledModel> try_model(const fs::path& path) {
  try {
    InstalledModel model{path.stem().u8string(), path, read_model_info(path)};
    model.info.check_streams();
    return model;
  } catch (const std::exception&) {  // `unbraid info` says what is wrong with it
    return std::nullopt;
  }
}

std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  for (const fs::path& folder : folders_above_binary()) {
    if (folder.filename() == "unbraid") folders.push_back(folder / "models");
  }
  for (const fs::path& folder : configured_paths("models")) folders.push_back(folder);
  for (const fs::path& folder : bundle_folders()) folders.push_back(folder / "models");
  if (fs::path folder = environment_path("UNBRAID_MODELS"); !folder.empty()) {
    folders.push_back(std::move(folder));
  }
  return folders;
}

/// As the model that comes with the package, so that latency and faders are right without it.
InstalledModel promised_model() {
  InstalledModel model{kDefaultModel, "", {}};
  model.info.stem_names = {"speech", "music", "noise"};
  model.info.win_seconds = 0.032;
  model.info.hop_seconds = 0.016;
  model.info.lookahead_frames = 0;
  return model;
}

}  // namespace

std::vector<InstalledModel> find_models() {
  if (const fs::path path = environment_path("UNBRAID_PLUGIN_MODEL"); !path.empty()) {
    if (auto model = try_model(path)) return {*model};
  }
  std::map<std::string, InstalledModel> by_name;
  for (const fs::path& folder : model_folders()) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (entry->path().extension() != ".onnx") continue;
      if (auto model = try_model(entry->path())) by_name[model->name] = *model;
    }
  }
  std::vector<InstalledModel> models;
  models.reserve(by_name.size());
  for (auto& [name, model] : by_name) models.push_back(std::move(model));
  const auto usual = std::find_if(models.begin(), models.end(), [](const InstalledModel& model) {
    return model.name == kDefaultModel;
  });
  if (usual != models.end()) std::rotate(models.begin(), usual, usual + 1);
  if (models.empty()) models.push_back(promised_model());
  return models;
}

}  // namespace unbraid::plugin
