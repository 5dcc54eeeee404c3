#include "plugin/engine.h"

#include <algorithm>
#include <cmath>

namespace unbraid::plugin {
namespace {

std::vector<std::string> all_stems(const std::vector<InstalledModel>& models) {
  std::vector<std::string> names;
  for (const InstalledModel& model : models) {
    for (const std::string& name : model.info.stem_names) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::vector<std::string> names_of(const std::vector<InstalledModel>& models) {
  std::vector<std::string> names;
  names.reserve(models.size());
  for (const InstalledModel& model : models) names.push_back(model.name);
  return names;
}

/// The first installed model that has no stem but these, or none: a promise without a file.
std::vector<InstalledModel> model_with_stems(const std::vector<std::string>& stem_names) {
  std::vector<InstalledModel> models = find_models();
  for (const InstalledModel& model : models) {
    const auto known = [&](const std::string& name) {
      return std::find(stem_names.begin(), stem_names.end(), name) != stem_names.end();
    };
    if (std::all_of(model.info.stem_names.begin(), model.info.stem_names.end(), known))
      return {model};
  }
  models.resize(1);
  models[0].path.clear();
  return models;
}

}  // namespace

Engine::Engine() : Engine(find_models(), {}) {}

Engine::Engine(std::vector<InstalledModel> models, std::vector<std::string> stem_names)
    : models_(std::move(models)),
      stem_names_(stem_names.empty() ? all_stems(models_) : std::move(stem_names)),
      parameters_(stem_names_, names_of(models_)),
      values_(parameters_),
      shown_(parameters_),
      gains_(stem_names_.size(), 1.0f) {
  for (int step = 0; step <= kFaderSteps; ++step) linear_gains_[step] = linear_gain(step);
  if (models_[0].path.empty()) status_ = Status::kNoModel;
}

Engine::Engine(const std::vector<std::string>& stem_names)
    : Engine(model_with_stems(stem_names), stem_names) {}

Engine::~Engine() = default;

int Engine::latency_samples(double sample_rate) const {
  int latency = 0;
  try {
    for (const InstalledModel& model : models_) {
      latency = std::max(latency, model.info.latency_samples(sample_rate));
    }
  } catch (const std::invalid_argument&) {
    return 0;
  }
  return latency;
}

int Engine::value(int index) const {
  return index == parameters_.status() ? static_cast<int>(status_.load()) : shown_[index];
}

bool Engine::set_value(int index, int step) {
  if (index == parameters_.status()) return false;
  values_.set(index, step);
  show_value(index, step);
  return index == parameters_.model();
}

void Engine::show_value(int index, int step) {
  if (index == parameters_.status()) return;
  shown_.set(index, step);
  if (index == parameters_.model()) told_model_ = step;  // by the host itself
  if (!active_) values_.set(index, step);
}

bool Engine::restore(const std::string& state) {
  if (!shown_.restore(parameters_, state)) return false;
  values_.copy_from(shown_);
  if (parameters_.model() >= 0) told_model_ = shown_[parameters_.model()];
  update_model();
  return true;
}

void Engine::configure(const Setup& setup) {
  if (configured_ && setup == setup_) return;
  setup_ = setup;
  configured_ = true;
  start();
}

void Engine::activate() {
  if (active_) return;
  if (!configured_) configure(setup_);
  values_.copy_from(shown_);
  if (!switch_.current() || loaded_model_ != chosen_model())
    start();  // what was missing may be there now
  reset();
  active_ = true;
}

/// Everything for the present setup, the model included.
void Engine::start() {
  latency_ = latency_samples(setup_.sample_rate);
  input_.assign(setup_.channels, std::vector<float>(kMaxBlock));
  input_rows_.clear();
  for (const auto& row : input_) input_rows_.push_back(row.data());
  dry_.assign(setup_.channels, DelayLine(latency_, kMaxBlock));
  Status status = Status::kReady;
  loaded_model_ = chosen_model();
  switch_.set(load(loaded_model_, status));
  status_ = status;
  started_ = false;
}

std::unique_ptr<LoadedModel> Engine::load(int index, Status& status) const {
  const InstalledModel& installed = models_[index];
  if (latency_ == 0 || installed.path.empty()) {
    status = latency_ == 0 ? Status::kSampleRate : Status::kNoModel;
    return nullptr;
  }
  try {
    auto model = std::make_unique<LoadedModel>(installed, index, setup_, latency_, stem_names_);
    status = Status::kReady;
    return model;
  } catch (const ModelError&) {
    status = Status::kModelFailed;
  } catch (const ort::Error&) {
    status = Status::kNoRuntime;
  } catch (const std::exception&) {
    status = Status::kModelFailed;
  }
  return nullptr;
}

int Engine::chosen_model() const {
  return parameters_.model() < 0 ? 0 : shown_[parameters_.model()];
}

void Engine::update_model() {
  const std::scoped_lock lock(update_mutex_);
  switch_.delete_retired();
  const int chosen = chosen_model();
  const int at_work = loaded_model_;
  if (!active_ || at_work == chosen) return;
  Status status = Status::kReady;
  if (auto model = load(chosen, status)) {
    loaded_model_ = chosen;
    switch_.offer(std::move(model));
  } else if (at_work >= 0) {
    take_back_choice(chosen, at_work);
  } else {
    status_ = status;
  }
}

/// Unless another model was chosen meanwhile.
void Engine::take_back_choice(int refused, int at_work) {
  const int index = parameters_.model();
  if (index < 0) return;
  values_.replace(index, refused, at_work);
  shown_.replace(index, refused, at_work);
}

}  // namespace unbraid::plugin
