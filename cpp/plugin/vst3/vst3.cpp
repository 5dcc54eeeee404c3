#include "plugin/vst3/vst3.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "plugin/entry.h"
#include "plugin/vst3/vst3_layout.h"

namespace unbraid::plugin::vst3 {
namespace {

constexpr std::size_t kMaxState = 1 << 16;

void write_text(std::string_view text, TChar* to) {  // all texts here are ASCII
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

tresult PLUGIN_API Plugin::queryInterface(const TUID id, void** object) {
  if (!id || !object) return kInvalidArgument;
  if (iidEqual(id, IComponent::iid) || iidEqual(id, IPluginBase::iid) ||
      iidEqual(id, FUnknown::iid)) {
    *object = static_cast<IComponent*>(this);
  } else if (iidEqual(id, IAudioProcessor::iid)) {
    *object = static_cast<IAudioProcessor*>(this);
  } else if (iidEqual(id, IEditController::iid)) {
    *object = static_cast<IEditController*>(this);
  } else if (iidEqual(id, IProcessContextRequirements::iid)) {
    *object = static_cast<IProcessContextRequirements*>(this);
  } else {
    *object = nullptr;
    return kNoInterface;
  }
  addRef();
  return kResultOk;
}

uint32 PLUGIN_API Plugin::release() {
  const uint32 left = --references_;
  if (left == 0) delete this;
  return left;
}

tresult PLUGIN_API Plugin::terminate() {
  engine_.deactivate();
  return setComponentHandler(nullptr);
}

// Buses

bool Plugin::is_stem_bus(MediaType type, BusDirection direction, int32 index) const {
  return type == kAudio && direction == kOutput && index >= 1 &&
         index <= engine_.parameters().num_stems();
}

int32 PLUGIN_API Plugin::getBusCount(MediaType type, BusDirection direction) {
  if (type != kAudio) return 0;
  return direction == kInput ? 1 : 1 + engine_.parameters().num_stems();
}

tresult PLUGIN_API Plugin::getBusInfo(MediaType type, BusDirection direction, int32 index,
                                      BusInfo& info) {
  const bool is_stem = is_stem_bus(type, direction, index);
  if (type != kAudio || (index != 0 && !is_stem)) return kInvalidArgument;
  info.mediaType = kAudio;
  info.direction = direction;
  info.channelCount = is_stem && stem_bus_empty_[index - 1] ? 0 : channels_;
  info.busType = is_stem ? kAux : kMain;
  info.flags = is_stem ? 0 : BusInfo::kDefaultActive;
  write_text(is_stem               ? std::string_view(engine_.parameters()[index - 1].title)
             : direction == kInput ? "Input"
                                   : "Output",
             info.name);
  return kResultOk;
}

tresult PLUGIN_API Plugin::activateBus(MediaType type, BusDirection direction, int32 index,
                                       TBool state) {
  if (is_stem_bus(type, direction, index)) {
    stem_bus_active_[index - 1] = state != 0;
    return kResultOk;
  }
  return type == kAudio && index == 0 ? kResultOk : kInvalidArgument;
}

tresult PLUGIN_API Plugin::setBusArrangements(SpeakerArrangement* inputs, int32 numIns,
                                              SpeakerArrangement* outputs, int32 numOuts) {
  if (!inputs || !outputs || numIns != 1 || numOuts < 1 || numOuts > getBusCount(kAudio, kOutput)) {
    return kResultFalse;
  }
  const SpeakerArrangement main = inputs[0];
  if ((main != SpeakerArr::kMono && main != SpeakerArr::kStereo) || outputs[0] != main)
    return kResultFalse;
  for (int32 bus = 1; bus < numOuts; ++bus) {
    if (outputs[bus] != main && outputs[bus] != SpeakerArr::kEmpty) return kResultFalse;
  }
  channels_ = main == SpeakerArr::kMono ? 1 : 2;
  for (int32 bus = 1; bus < numOuts; ++bus) {
    stem_bus_empty_[bus - 1] = outputs[bus] == SpeakerArr::kEmpty;
  }
  return kResultOk;
}

tresult PLUGIN_API Plugin::getBusArrangement(BusDirection direction, int32 index,
                                             SpeakerArrangement& arrangement) {
  const bool is_stem = is_stem_bus(kAudio, direction, index);
  if (index != 0 && !is_stem) return kInvalidArgument;
  arrangement = channels_ == 1 ? SpeakerArr::kMono : SpeakerArr::kStereo;
  if (is_stem && stem_bus_empty_[index - 1]) arrangement = SpeakerArr::kEmpty;
  return kResultOk;
}

// Starting and stopping

Setup Plugin::wanted_setup() const {
  bool with_stems = false;
  for (std::size_t stem = 0; stem < stem_bus_active_.size(); ++stem) {
    with_stems = with_stems || (stem_bus_active_[stem] && !stem_bus_empty_[stem]);
  }
  return {sample_rate_, channels_, with_stems};
}

tresult PLUGIN_API Plugin::canProcessSampleSize(int32 sample_size) {
  return sample_size == kSample32 ? kResultOk : kResultFalse;
}

uint32 PLUGIN_API Plugin::getLatencySamples() {
  return guarded<uint32>(0, [this] { return engine_.latency_samples(sample_rate_); });
}

tresult PLUGIN_API Plugin::setupProcessing(ProcessSetup& setup) {
  if (setup.symbolicSampleSize != kSample32 || !(setup.sampleRate > 0.0)) return kResultFalse;
  sample_rate_ = setup.sampleRate;
  // Some hosts change the rate of a plug-in at work, and none of them says setActive(0) first.
  return guarded<tresult>(kInternalError, [this] {
    if (engine_.active()) engine_.configure(wanted_setup());
    return kResultOk;
  });
}

tresult PLUGIN_API Plugin::setActive(TBool state) {
  return guarded<tresult>(kInternalError, [&] {
    if (!state) return engine_.deactivate(), kResultOk;
    // For a plug-in at work that is no new start: hosts say this with every larger block.
    engine_.configure(wanted_setup());
    engine_.activate();
    tell_values_changed();
    return kResultOk;
  });
}

// State

tresult PLUGIN_API Plugin::setState(IBStream* state) {
  if (!state) return kInvalidArgument;
  return guarded<tresult>(kInternalError, [&] { return read_state(*state); });
}

tresult Plugin::read_state(IBStream& state) {
  std::string text;
  char bytes[1024];
  int32 done = 0;
  while (state.read(bytes, sizeof bytes, &done) == kResultOk && done > 0 &&
         text.size() < kMaxState) {
    text.append(bytes, std::min<std::size_t>(done, sizeof bytes));
  }
  if (!engine_.restore(text)) return kResultFalse;
  if (handler_) handler_->restartComponent(kParamValuesChanged);
  return kResultOk;
}

tresult PLUGIN_API Plugin::getState(IBStream* state) {
  if (!state) return kInvalidArgument;
  return guarded<tresult>(kInternalError, [&] { return write_state(*state); });
}

tresult Plugin::write_state(IBStream& state) const {
  std::string text = engine_.save();
  int32 done = 0;
  const auto size = static_cast<int32>(text.size());
  const bool written = state.write(text.data(), size, &done) == kResultOk && done == size;
  return written ? kResultOk : kInternalError;
}

// Parameters

tresult PLUGIN_API Plugin::getParameterInfo(int32 index, ParameterInfo& info) {
  if (index < 0 || index >= engine_.parameters().size()) return kInvalidArgument;
  const Parameter& parameter = engine_.parameters()[index];
  info = {};
  info.id = parameter.id;
  write_text(parameter.title, info.title);
  write_text(parameter.title, info.shortTitle);
  write_text(parameter.unit, info.units);
  info.stepCount = parameter.steps;
  info.defaultNormalizedValue = normalized(parameter, parameter.initial);
  switch (parameter.kind) {
    case Kind::kFader:
      info.flags = ParameterInfo::kCanAutomate;
      break;
    case Kind::kBypass:
      info.flags = ParameterInfo::kCanAutomate | ParameterInfo::kIsBypass;
      break;
    case Kind::kSolo:
      info.flags = ParameterInfo::kCanAutomate | ParameterInfo::kIsList;
      break;
    case Kind::kModel:
      info.flags = ParameterInfo::kIsList;
      break;  // loading one is nothing for automation
    case Kind::kStatus:
      info.flags = ParameterInfo::kIsReadOnly | ParameterInfo::kIsList;
      break;
  }
  return kResultOk;
}

tresult PLUGIN_API Plugin::getParamStringByValue(ParamID id, ParamValue value, String128 text) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0 || !text) return kInvalidArgument;
  const Parameter& parameter = engine_.parameters()[index];
  return guarded<tresult>(kInternalError, [&] {
    write_text(parameter.text(parameter.clamp(value * parameter.steps)), text);
    return kResultOk;
  });
}

tresult PLUGIN_API Plugin::getParamValueByString(ParamID id, TChar* text, ParamValue& value) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0 || !text) return kInvalidArgument;
  const int step = guarded(-1, [&] {
    std::string ascii;
    for (; *text && ascii.size() < 127; ++text)
      ascii += *text < 128 ? static_cast<char>(*text) : '?';
    return engine_.parameters()[index].parse(ascii);
  });
  if (step < 0) return kResultFalse;
  value = normalized(engine_.parameters()[index], step);
  return kResultOk;
}

ParamValue PLUGIN_API Plugin::normalizedParamToPlain(ParamID id, ParamValue value) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0) return 0.0;
  const Parameter& parameter = engine_.parameters()[index];
  const int step = parameter.clamp(value * parameter.steps);
  return parameter.value_of(step);
}

ParamValue PLUGIN_API Plugin::plainParamToNormalized(ParamID id, ParamValue plain) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0) return 0.0;
  const Parameter& parameter = engine_.parameters()[index];
  return normalized(parameter, parameter.step_of(plain));
}

ParamValue PLUGIN_API Plugin::getParamNormalized(ParamID id) {
  const int index = engine_.parameters().index_of(id);
  return index < 0 ? 0.0 : normalized(engine_.parameters()[index], engine_.value(index));
}

tresult PLUGIN_API Plugin::setParamNormalized(ParamID id, ParamValue value) {
  const int index = engine_.parameters().index_of(id);
  if (index < 0) return kInvalidArgument;
  const Parameter& parameter = engine_.parameters()[index];
  return guarded<tresult>(kInternalError, [&] {
    engine_.show_value(index, parameter.clamp(value * parameter.steps));
    if (parameter.kind == Kind::kModel) engine_.update_model();
    return kResultOk;
  });
}

tresult PLUGIN_API Plugin::setComponentHandler(IComponentHandler* handler) {
  if (handler) handler->addRef();
  if (handler_) handler_->release();
  handler_ = handler;
  return kResultOk;
}

/// After starting: the host shows what it last heard.
void Plugin::tell_values_changed() {
  bool changed = false;
  engine_.report_changes([&](int, int) { return changed = true; });
  if (changed && handler_) handler_->restartComponent(kParamValuesChanged);
}

}  // namespace unbraid::plugin::vst3
