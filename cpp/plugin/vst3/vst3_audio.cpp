#include <algorithm>

#include "plugin/entry.h"
#include "plugin/vst3/vst3.h"

namespace unbraid::plugin::vst3 {

tresult PLUGIN_API Plugin::process(ProcessData& data) {
  if (data.symbolicSampleSize != kSample32) return kInvalidArgument;
  return guarded<tresult>(kInternalError, [&] {
    offline_ = data.processMode == kOffline;
    // Changes count even in a block without audio: that is how hosts set a plug-in that is silent.
    begin_changes(data.inputParameterChanges);
    const bool audible = data.numSamples > 0 && data.numOutputs > 0 && data.outputs;
    const int32 end = audible ? data.numSamples : 0;
    for (int32 position = 0;;) {
      const int32 next = apply_changes(position, end);
      if (position >= end) break;
      render(data, position, next);
      position = next;
    }
    if (audible) {
      for (int32 bus = 0; bus < data.numOutputs; ++bus) data.outputs[bus].silenceFlags = 0;
    }
    report_changes(data.outputParameterChanges);
    return kResultOk;
  });
}

void Plugin::begin_changes(IParameterChanges* changes) {
  num_cursors_ = 0;
  const int32 count = changes ? changes->getParameterCount() : 0;
  for (int32 i = 0; i < count && num_cursors_ < cursors_.size(); ++i) {
    IParamValueQueue* queue = changes->getParameterData(i);
    if (!queue) continue;
    const int parameter = engine_.parameters().index_of(queue->getParameterId());
    if (parameter < 0) continue;
    cursors_[num_cursors_++] = {queue, parameter, 0, queue->getPointCount()};
  }
}

/// All changes up to this position; returns where the next one lies, at the latest the block's end.
int32 Plugin::apply_changes(int32 position, int32 num_samples) {
  int32 next = num_samples;
  for (std::size_t i = 0; i < num_cursors_; ++i) {
    Cursor& cursor = cursors_[i];
    for (; cursor.next < cursor.count; ++cursor.next) {
      int32 offset = 0;
      double value = 0.0;
      if (cursor.queue->getPoint(cursor.next, offset, value) != kResultOk) continue;
      if (offset > position && position < num_samples) {
        next = std::min(next, offset);
        break;
      }
      const Parameter& parameter = engine_.parameters()[cursor.parameter];
      const int step = parameter.clamp(value * parameter.steps);
      // Where nobody waits, another model is loaded at its very sample, else when the host shows
      // it.
      if (engine_.set_value(cursor.parameter, step) && offline_) engine_.update_model();
    }
  }
  return next;
}

void Plugin::silence(ProcessData& data, int32 start, int32 end) {
  for (int32 bus = 0; bus < data.numOutputs; ++bus) {
    const AudioBusBuffers& buffers = data.outputs[bus];
    for (int32 channel = 0; buffers.channelBuffers32 && channel < buffers.numChannels; ++channel) {
      float* row = buffers.channelBuffers32[channel];
      if (row) std::fill(row + start, row + end, 0.0f);
    }
  }
}

void Plugin::render(ProcessData& data, int32 start, int32 end) {
  const int channels = engine_.setup().channels;
  const auto usable = [channels](const AudioBusBuffers* buses, int32 count) {
    return count > 0 && buses && buses[0].numChannels >= channels && buses[0].channelBuffers32 &&
           std::all_of(buses[0].channelBuffers32, buses[0].channelBuffers32 + channels,
                       [](const float* row) { return row; });
  };
  if (!engine_.active() || !usable(data.inputs, data.numInputs) ||
      !usable(data.outputs, data.numOutputs)) {
    return silence(data, start, end);
  }
  const float* input[kMaxPluginChannels] = {};
  float* output[kMaxPluginChannels] = {};
  for (int channel = 0; channel < channels; ++channel) {
    input[channel] = data.inputs[0].channelBuffers32[channel] + start;
    output[channel] = data.outputs[0].channelBuffers32[channel] + start;
  }
  std::fill(stem_rows_.begin(), stem_rows_.end(), nullptr);
  for (int32 bus = 1; bus < data.numOutputs; ++bus) {
    const AudioBusBuffers& buffers = data.outputs[bus];
    if (bus > engine_.parameters().num_stems() || !buffers.channelBuffers32) continue;
    for (int channel = 0; channel < std::min(channels, buffers.numChannels); ++channel) {
      float* row = buffers.channelBuffers32[channel];
      stem_rows_[(bus - 1) * channels + channel] = row ? row + start : nullptr;
    }
  }
  engine_.process(input, output, stem_rows_.data(), end - start);
}

void Plugin::report_changes(IParameterChanges* changes) {
  if (!changes) return;
  engine_.report_changes([&](int index, int step) {
    int32 position = 0;
    const Parameter& parameter = engine_.parameters()[index];
    IParamValueQueue* queue = changes->addParameterData(parameter.id, position);
    if (queue) queue->addPoint(0, normalized(parameter, step), position);
    return queue != nullptr;
  });
}

}  // namespace unbraid::plugin::vst3
