#include "plugin/vst3/vst3.h"

#include <algorithm>
#include <limits>
#include <string>

namespace unbraid::plugin::vst3 {
namespace {

constexpr std::size_t kMaxState = 1 << 16;

void write_text(const std::string& text, Char16* to) {  // all texts here are ASCII
  const std::size_t length = std::min<std::size_t>(text.size(), 127);
  for (std::size_t i = 0; i < length; ++i) to[i] = static_cast<unsigned char>(text[i]);
  to[length] = 0;
}

}  // namespace

Plugin::Plugin()
    : stem_bus_active_(engine_.stem_names().size()),
      stem_bus_empty_(engine_.stem_names().size()),
      cursors_(engine_.parameters().size()),
      stem_rows_(engine_.stem_names().size() * kMaxPluginChannels) {}

Result Plugin::queryInterface(const void* id, void** object) {
  if (Component::id.matches(id) || PluginBase::id.matches(id) || Unknown::id.matches(id)) {
    *object = static_cast<Component*>(this);
  } else if (AudioProcessor::id.matches(id)) {
    *object = static_cast<AudioProcessor*>(this);
  } else if (EditController::id.matches(id)) {
    *object = static_cast<EditController*>(this);
  } else if (ProcessContextRequirements::id.matches(id)) {
    *object = static_cast<ProcessContextRequirements*>(this);
  } else {
    *object = nullptr;
    return kNoInterface;
  }
  addRef();
  return kOk;
}

std::uint32_t Plugin::release() {
  const std::uint32_t left = --references_;
  if (left == 0) delete this;
  return left;
}

Result Plugin::terminate() {
  engine_.deactivate();
  return setComponentHandler(nullptr);
}

// Buses

bool Plugin::is_stem_bus(std::int32_t type, std::int32_t direction, std::int32_t index) const {
  return type == kAudio && direction == kOutput && index >= 1 &&
         index <= engine_.parameters().num_stems();
}

std::int32_t Plugin::getBusCount(std::int32_t type, std::int32_t direction) {
  if (type != kAudio) return 0;
  return direction == kInput ? 1 : 1 + engine_.parameters().num_stems();
}

Result Plugin::getBusInfo(std::int32_t type, std::int32_t direction, std::int32_t index,
                          BusInfo& info) {
  const bool is_stem = is_stem_bus(type, direction, index);
  if (type != kAudio || (index != 0 && !is_stem)) return kInvalidArgument;
  info.media_type = kAudio;
  info.direction = direction;
  info.channel_count = is_stem && stem_bus_empty_[index - 1] ? 0 : channels_;
  info.bus_type = is_stem ? kAux : kMain;
  info.flags = is_stem ? 0 : kDefaultActive;
  write_text(is_stem               ? engine_.parameters()[index - 1].title
             : direction == kInput ? "Input"
                                   : "Output",
             info.name);
  return kOk;
}

Result Plugin::activateBus(std::int32_t type, std::int32_t direction, std::int32_t index,
                           Bool state) {
  if (is_stem_bus(type, direction, index)) {
    stem_bus_active_[index - 1] = state != 0;
    return kOk;
  }
  return type == kAudio && index == 0 ? kOk : kInvalidArgument;
}

Result Plugin::setBusArrangements(Arrangement* inputs, std::int32_t num_inputs,
                                  Arrangement* outputs, std::int32_t num_outputs) {
  if (num_inputs != 1 || num_outputs < 1 || num_outputs > getBusCount(kAudio, kOutput)) {
    return kFalse;
  }
  const Arrangement main = inputs[0];
  if ((main != kMono && main != kStereo) || outputs[0] != main) return kFalse;
  for (std::int32_t bus = 1; bus < num_outputs; ++bus) {
    if (outputs[bus] != main && outputs[bus] != kEmpty) return kFalse;
  }
  channels_ = main == kMono ? 1 : 2;
  for (std::int32_t bus = 1; bus < num_outputs; ++bus) {
    stem_bus_empty_[bus - 1] = outputs[bus] == kEmpty;
  }
  return kOk;
}

Result Plugin::getBusArrangement(std::int32_t direction, std::int32_t index,
                                 Arrangement& arrangement) {
  const bool is_stem = is_stem_bus(kAudio, direction, index);
  if (index != 0 && !is_stem) return kInvalidArgument;
  arrangement = channels_ == 1 ? kMono : kStereo;
  if (is_stem && stem_bus_empty_[index - 1]) arrangement = kEmpty;
  return kOk;
}

// Starting and stopping

Setup Plugin::wanted_setup() const {
  bool with_stems = false;
  for (std::size_t stem = 0; stem < stem_bus_active_.size(); ++stem) {
    with_stems = with_stems || (stem_bus_active_[stem] && !stem_bus_empty_[stem]);
  }
  return {sample_rate_, channels_, with_stems};
}

Result Plugin::canProcessSampleSize(std::int32_t sample_size) {
  return sample_size == kSample32 ? kOk : kFalse;
}

std::uint32_t Plugin::getLatencySamples() {
  return static_cast<std::uint32_t>(engine_.latency_samples(sample_rate_));
}

Result Plugin::setupProcessing(ProcessSetup& setup) {
  if (setup.sample_size != kSample32 || !(setup.sample_rate > 0.0)) return kFalse;
  sample_rate_ = setup.sample_rate;
  // Some hosts change the rate of a plug-in at work, and none of them says setActive(0) first.
  if (engine_.active()) engine_.configure(wanted_setup());
  return kOk;
}

Result Plugin::setActive(Bool state) {
  if (state) {
    // For a plug-in at work that is no new start: hosts say this with every larger block.
    engine_.configure(wanted_setup());
    engine_.activate();
    tell_values_changed();
  } else {
    engine_.deactivate();
  }
  return kOk;
}

// State

Result Plugin::setState(Stream* state) {
  if (!state) return kInvalidArgument;
  std::string text;
  char bytes[1024];
  std::int32_t done = 0;
  while (state->read(bytes, sizeof bytes, &done) == kOk && done > 0 && text.size() < kMaxState) {
    text.append(bytes, done);
  }
  if (!engine_.restore(text)) return kFalse;
  if (handler_) handler_->restartComponent(kParameterValuesChanged);
  return kOk;
}

Result Plugin::getState(Stream* state) {
  if (!state) return kInvalidArgument;
  std::string text = engine_.save();
  std::int32_t done = 0;
  const auto size = static_cast<std::int32_t>(text.size());
  return state->write(text.data(), size, &done) == kOk && done == size ? kOk : kInternalError;
}

// Parameters

Result Plugin::getParameterInfo(std::int32_t index, ParameterInfo& info) {
  if (index < 0 || index >= engine_.parameters().size()) return kInvalidArgument;
  const Parameter& parameter = engine_.parameters()[index];
  info = {};
  info.id = parameter.id;
  write_text(parameter.title, info.title);
  write_text(parameter.title, info.short_title);
  write_text(parameter.unit, info.units);
  info.step_count = parameter.steps;
  info.default_value = normalized(parameter, parameter.initial);
  switch (parameter.kind) {
    case Kind::kFader:
      info.flags = kCanAutomate;
      break;
    case Kind::kBypass:
      info.flags = kCanAutomate | kIsBypass;
      break;
    case Kind::kSolo:
      info.flags = kCanAutomate | kIsList;
      break;
    case Kind::kModel:
      info.flags = kIsList;
      break;  // loading one is nothing for automation
    case Kind::kStatus:
      info.flags = kIsReadOnly | kIsList;
      break;
  }
  return kOk;
}

Result Plugin::getParamStringByValue(std::uint32_t id, double value, Char16* text) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0) return kInvalidArgument;
  const Parameter& parameter = engine_.parameters()[index];
  write_text(parameter.text(parameter.clamp(value * parameter.steps)), text);
  return kOk;
}

Result Plugin::getParamValueByString(std::uint32_t id, Char16* text, double& value) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0 || !text) return kInvalidArgument;
  std::string ascii;
  for (; *text && ascii.size() < 127; ++text) ascii += *text < 128 ? static_cast<char>(*text) : '?';
  const int step = engine_.parameters()[index].parse(ascii);
  if (step < 0) return kFalse;
  value = normalized(engine_.parameters()[index], step);
  return kOk;
}

double Plugin::normalizedParamToPlain(std::uint32_t id, double value) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0) return 0.0;
  const Parameter& parameter = engine_.parameters()[index];
  const int step = parameter.clamp(value * parameter.steps);
  return parameter.value_of(step);
}

double Plugin::plainParamToNormalized(std::uint32_t id, double plain) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0) return 0.0;
  const Parameter& parameter = engine_.parameters()[index];
  return normalized(parameter, parameter.step_of(plain));
}

double Plugin::getParamNormalized(std::uint32_t id) {
  const int index = engine_.parameters().index_of(id);
  return index < 0 ? 0.0 : normalized(engine_.parameters()[index], engine_.value(index));
}

Result Plugin::setParamNormalized(std::uint32_t id, double value) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0) return kInvalidArgument;
  const Parameter& parameter = engine_.parameters()[index];
  engine_.show_value(index, parameter.clamp(value * parameter.steps));
  if (parameter.kind == Kind::kModel) engine_.update_model();
  return kOk;
}

Result Plugin::setComponentHandler(ComponentHandler* handler) {
  if (handler) handler->addRef();
  if (handler_) handler_->release();
  handler_ = handler;
  return kOk;
}

/// After starting: the host shows what it last heard.
void Plugin::tell_values_changed() {
  bool changed = false;
  engine_.report_changes([&](int, int) { return changed = true; });
  if (changed && handler_) handler_->restartComponent(kParameterValuesChanged);
}

}  // namespace unbraid::plugin::vst3
