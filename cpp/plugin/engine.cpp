#include "engine.h"

#include <algorithm>
#include <cmath>

#include "separator.h"

namespace unbraid::plugin {
namespace {

std::vector<std::string> all_stems(const std::vector<ModelFile>& models) {
  std::vector<std::string> names;
  for (const ModelFile& model : models) {
    for (const std::string& name : model.stem_names) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::vector<std::string> names_of(const std::vector<ModelFile>& models) {
  std::vector<std::string> names;
  for (const ModelFile& model : models) names.push_back(model.name);
  return names;
}

/// The first installed model that has no stem but these, or none: a promise without a file.
std::vector<ModelFile> model_with_stems(const std::vector<std::string>& stem_names) {
  std::vector<ModelFile> models = find_models();
  for (const ModelFile& model : models) {
    const auto known = [&](const std::string& name) {
      return std::find(stem_names.begin(), stem_names.end(), name) != stem_names.end();
    };
    if (std::all_of(model.stem_names.begin(), model.stem_names.end(), known)) return {model};
  }
  models.resize(1);
  models[0].path.clear();
  return models;
}

}  // namespace

Engine::Engine() : Engine(find_models(), {}) {}

Engine::Engine(std::vector<ModelFile> models, std::vector<std::string> stem_names)
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

Engine::~Engine() {
  delete incoming_.exchange(nullptr);
  drop_retired();
}

int Engine::latency_samples(double sample_rate) const {
  int latency = 0;
  try {
    for (const ModelFile& model : models_) {
      latency = std::max(latency, model.latency_samples(sample_rate));
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
  shown_.set(index, step);
  return index == parameters_.model();
}

void Engine::show_value(int index, int step) {
  if (index == parameters_.status()) return;
  shown_.set(index, step);
  if (!active_) values_.set(index, step);
}

bool Engine::restore(const std::string& state) {
  if (!shown_.restore(parameters_, state)) return false;
  values_.copy_from(shown_);
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
  if (!voice_ || loaded_model_ != chosen_model()) start();  // what was missing may be there now
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
  finish_model_change();
  voice_ = load_voice();
  started_ = failed_ = false;
}

std::unique_ptr<Voice> Engine::load_voice() {
  loaded_model_ = chosen_model();
  const ModelFile& model = models_[loaded_model_];
  if (latency_ == 0 || model.path.empty()) {
    status_ = latency_ == 0 ? Status::kSampleRate : Status::kNoModel;
    return nullptr;
  }
  try {
    auto voice = std::make_unique<Voice>(model, setup_, latency_, stem_names_);
    status_ = Status::kReady;
    return voice;
  } catch (const ModelError&) {
    status_ = Status::kModelFailed;
  } catch (const ort::Error&) {
    status_ = Status::kNoRuntime;
  } catch (const std::exception&) {
    status_ = Status::kModelFailed;
  }
  return nullptr;
}

int Engine::chosen_model() const {
  return parameters_.model() < 0 ? 0 : shown_[parameters_.model()];
}

void Engine::update_model() {
  drop_retired();
  if (!active_ || loaded_model_ == chosen_model()) return;
  const int at_work = loaded_model_;
  const Status status = status_;
  if (auto voice = load_voice()) {
    delete incoming_.exchange(voice.release());
  } else if (at_work >= 0) {  // a choice that cannot be had is not taken
    loaded_model_ = at_work;
    set_value(parameters_.model(), at_work);
    status_ = status;
  }
}

void Engine::drop_retired() {
  Voice* voice = retired_.exchange(nullptr);
  while (voice) {
    Voice* next = voice->next_retired;
    delete voice;
    voice = next;
  }
}

/// Outside of process(): the newest voice takes over at once.
void Engine::finish_model_change() {
  drop_retired();
  if (next_voice_) voice_ = std::move(next_voice_);
  if (Voice* voice = incoming_.exchange(nullptr)) voice_.reset(voice);
}

}  // namespace unbraid::plugin
