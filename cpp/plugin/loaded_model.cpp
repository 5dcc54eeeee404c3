#include "plugin/loaded_model.h"

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>

namespace unbraid::plugin {
namespace {

/// Every plug-in of this process with one file shares the loaded model. The last to go drops it.
std::shared_ptr<const Model> shared_model(const std::filesystem::path& path) {
  static std::mutex mutex;
  static std::map<std::filesystem::path, std::weak_ptr<const Model>> models;
  const std::scoped_lock lock(mutex);
  std::shared_ptr<const Model> model = models[path].lock();
  if (!model) models[path] = model = std::make_shared<const Model>(path);
  return model;
}

std::vector<float> unity(const Model& model) {
  return std::vector<float>(model.info().num_stems(), 1.0f);
}

}  // namespace

LoadedModel::LoadedModel(const InstalledModel& installed, int index, const Setup& setup,
                         int latency_samples, const std::vector<std::string>& stem_names)
    : index_(index), remixer_([&] {
        const auto model = shared_model(installed.path);
        return Remixer(model, setup.sample_rate, setup.channels, unity(*model), setup.with_stems);
      }()) {
  const auto& own_names = remixer_.model().info().stem_names;
  for (const std::string& name : stem_names) {
    const auto found = std::find(own_names.begin(), own_names.end(), name);
    own_stem_.push_back(found == own_names.end() ? -1
                                                 : static_cast<int>(found - own_names.begin()));
  }
  for (const std::string& name : own_names) {
    const auto found = std::find(stem_names.begin(), stem_names.end(), name);
    // The file may have been replaced since its stems were read.
    if (found == stem_names.end())
      throw ModelError(installed.path.u8string() + ": its stems have changed");
    plugin_stem_.push_back(static_cast<int>(found - stem_names.begin()));
  }
  const int missing = latency_samples - remixer_.latency_samples();
  if (missing < 0) throw ModelError(installed.path.u8string() + ": its latency has changed");
  remixer_.prepare(kMaxBlock);
  const std::size_t num_signals = remixer_.num_outputs() * setup.channels;
  outputs_.assign(num_signals, std::vector<float>(kMaxBlock));
  for (auto& output : outputs_) output_rows_.push_back(output.data());
  if (missing > 0) padding_.assign(num_signals, DelayLine(missing, kMaxBlock));
}

bool LoadedModel::process(const float* const* input, std::size_t count,
                          const std::vector<float>& gains) noexcept {
  if (failed_) return false;
  try {
    for (int stem = 0; stem < model_stems(); ++stem)
      remixer_.set_gain(stem, gains[plugin_stem_[stem]]);
    remixer_.process(input, output_rows_.data(), count);
  } catch (const std::exception&) {
    failed_ = true;
    return false;
  }
  for (std::size_t signal = 0; signal < padding_.size(); ++signal) {
    padding_[signal].push(output_rows_[signal], count);
    padding_[signal].read(output_rows_[signal], count);
  }
  return true;
}

void LoadedModel::reset() {
  remixer_.reset();
  for (DelayLine& line : padding_) line.reset();
  failed_ = false;
}

}  // namespace unbraid::plugin
