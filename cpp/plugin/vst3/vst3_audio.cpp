#include <algorithm>

#include "plugin/vst3/vst3.h"

namespace unbraid::plugin::vst3 {

Result Plugin::process(ProcessData& data) {
  // Changes count even in a block without audio: that is how hosts set a plug-in that is silent.
  offline_ = data.mode == kOffline;
  begin_changes(data.parameter_changes);
  const bool audible = data.num_samples > 0 && data.num_outputs > 0 && data.outputs;
  const std::int32_t end = audible ? data.num_samples : 0;
  for (std::int32_t position = 0;;) {
    const std::int32_t next = apply_changes(position, end);
    if (position >= end) break;
    render(data, position, next);
    position = next;
  }
  if (audible) {
    for (std::int32_t bus = 0; bus < data.num_outputs; ++bus) data.outputs[bus].silence_flags = 0;
  }
  report_changes(data.output_parameter_changes);
  return kOk;
}

void Plugin::begin_changes(ParameterChanges* changes) {
  num_cursors_ = 0;
  const std::int32_t count = changes ? changes->getParameterCount() : 0;
  for (std::int32_t i = 0; i < count && num_cursors_ < cursors_.size(); ++i) {
    ParameterQueue* queue = changes->getParameterData(i);
    if (!queue) continue;
    const int parameter = engine_.parameters().index_of(queue->getParameterId());
    if (parameter < 0) continue;
    cursors_[num_cursors_++] = {queue, parameter, 0, queue->getPointCount()};
  }
}

/// All changes up to this position; returns where the next one lies, at the latest the block's end.
std::int32_t Plugin::apply_changes(std::int32_t position, std::int32_t num_samples) {
  std::int32_t next = num_samples;
  for (std::size_t i = 0; i < num_cursors_; ++i) {
    Cursor& cursor = cursors_[i];
    for (; cursor.next < cursor.count; ++cursor.next) {
      std::int32_t offset = 0;
      double value = 0.0;
      if (cursor.queue->getPoint(cursor.next, offset, value) != kOk) continue;
      if (offset > position && position < num_samples) {
        next = std::min(next, offset);
        break;
      }
      const Parameter& parameter = engine_.parameters()[cursor.parameter];
      const int step = parameter.clamp(value * parameter.steps);
      // Where nobody waits, another model is loaded at its very sample; else when the host shows
      // it.
      if (engine_.set_value(cursor.parameter, step) && offline_) engine_.update_model();
    }
  }
  return next;
}

void Plugin::render(ProcessData& data, std::int32_t start, std::int32_t end) {
  const int channels = engine_.setup().channels;
  const auto usable = [channels](const BusBuffers* buses, std::int32_t count) {
    return count > 0 && buses && buses[0].channels && buses[0].num_channels >= channels;
  };
  if (!engine_.active() || !usable(data.inputs, data.num_inputs) ||
      !usable(data.outputs, data.num_outputs)) {
    for (std::int32_t bus = 0; bus < data.num_outputs; ++bus) {
      for (std::int32_t channel = 0; channel < data.outputs[bus].num_channels; ++channel) {
        float* row = data.outputs[bus].channels[channel];
        if (row) std::fill(row + start, row + end, 0.0f);
      }
    }
    return;
  }
  const float* input[kMaxPluginChannels] = {};
  float* output[kMaxPluginChannels] = {};
  for (int channel = 0; channel < channels; ++channel) {
    input[channel] = data.inputs[0].channels[channel] + start;
    output[channel] = data.outputs[0].channels[channel] + start;
  }
  std::fill(stem_rows_.begin(), stem_rows_.end(), nullptr);
  for (std::int32_t bus = 1; bus < data.num_outputs; ++bus) {
    const BusBuffers& buffers = data.outputs[bus];
    if (bus > engine_.parameters().num_stems() || !buffers.channels) continue;
    for (int channel = 0; channel < std::min(channels, buffers.num_channels); ++channel) {
      float* row = buffers.channels[channel];
      stem_rows_[(bus - 1) * channels + channel] = row ? row + start : nullptr;
    }
  }
  engine_.process(input, output, stem_rows_.data(), end - start);
}

void Plugin::report_changes(ParameterChanges* changes) {
  if (!changes) return;
  engine_.report_changes([&](int index, int step) {
    std::int32_t position = 0;
    const Parameter& parameter = engine_.parameters()[index];
    ParameterQueue* queue = changes->addParameterData(parameter.id, position);
    if (queue) queue->addPoint(0, normalized(parameter, step), position);
    return queue != nullptr;
  });
}

}  // namespace unbraid::plugin::vst3
