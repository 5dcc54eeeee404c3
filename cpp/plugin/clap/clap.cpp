#include "plugin/clap/clap.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>

namespace unbraid::plugin::clap {
namespace {

constexpr std::size_t kMaxState = 1 << 16;

}  // namespace

const Descriptor& descriptor() {
  static const char* const features[] = {"audio-effect", "restoration", "mixing",
                                         "mono",         "stereo",      nullptr};
  static const Descriptor descriptor{kVersion,
                                     "unbraid.unbraid",
                                     "Unbraid",
                                     "Unbraid",
                                     "",
                                     "",
                                     "",
                                     UNBRAID_VERSION,
                                     "A fader for each stem of a finished mixture",
                                     features};
  return descriptor;
}

Plugin::Plugin(const Host* host)
    : host_(host), stem_rows_(engine_.stem_names().size() * kMaxPluginChannels) {
  using I = const Interface;
  interface_.descriptor = &descriptor();
  interface_.data = this;
  interface_.init = [](I*) { return true; };
  interface_.destroy = [](I* i) { delete &self(i); };
  interface_.activate = [](I* i, double sample_rate, std::uint32_t, std::uint32_t) {
    return self(i).activate(sample_rate);
  };
  interface_.deactivate = [](I* i) { self(i).engine_.deactivate(); };
  interface_.start_processing = [](I*) { return true; };
  interface_.stop_processing = [](I*) {};
  interface_.reset = [](I* i) { self(i).engine_.reset(); };
  interface_.process = [](I* i, const Process* process) { return self(i).process(*process); };
  interface_.get_extension = &Plugin::get_extension;
  interface_.on_main_thread = [](I* i) { self(i).engine_.update_model(); };
}

const void* Plugin::get_extension(const Interface*, const char* id) {
  const auto is = [id](const char* known) { return std::strcmp(id, known) == 0; };
  if (is(kParametersId)) return &kParameters;
  if (is(kStateId)) return &kState;
  if (is(kLatencyId)) return &kLatency;
  if (is(kPortsId)) return &kPorts;
  if (is(kPortsConfigId)) return &kPortsConfig;
  if (is(kPortsConfigInfoId)) return &kPortsConfigInfo;
  return nullptr;
}

template <typename Extension>
const Extension* Plugin::host_extension(const char* id) const {
  if (!host_ || !host_->get_extension) return nullptr;
  return static_cast<const Extension*>(host_->get_extension(host_, id));
}

bool Plugin::activate(double sample_rate) {
  sample_rate_ = sample_rate;
  engine_.configure({sample_rate, channels_of(config_), has_stems(config_)});
  engine_.activate();
  const int index = engine_.parameters().status();
  const auto* log = host_extension<HostLog>(kLogId);
  if (engine_.value(index) != 0 && log && log->log) {
    log->log(host_, kLogWarning, engine_.parameters()[index].choices[engine_.value(index)].c_str());
  }
  return true;
}

// Audio

std::int32_t Plugin::process(const Process& process) {
  const InputEvents* events = process.in_events;
  const std::uint32_t num_events = events ? events->size(events) : 0;
  std::uint32_t done = 0;
  for (std::uint32_t i = 0; i < num_events; ++i) {
    const EventHeader* event = events->get(events, i);
    if (!event) continue;
    const std::uint32_t time = std::min(event->time, process.num_samples);
    if (time > done && event->type == kParameterValue) {
      render(process, done, time);
      done = time;
    }
    apply(*event);
  }
  if (done < process.num_samples) render(process, done, process.num_samples);
  report_changes(process.out_events);
  return kContinue;
}

void Plugin::render(const Process& process, std::uint32_t start, std::uint32_t end) {
  const auto channels = static_cast<std::uint32_t>(engine_.setup().channels);
  const auto usable = [channels](const AudioBuffer* buffers, std::uint32_t count) {
    return count > 0 && buffers && buffers[0].data32 && buffers[0].channel_count >= channels;
  };
  if (!engine_.active() || !usable(process.inputs, process.num_inputs) ||
      !usable(process.outputs, process.num_outputs)) {
    return;
  }
  const float* input[kMaxPluginChannels] = {};
  float* output[kMaxPluginChannels] = {};
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    input[channel] = process.inputs[0].data32[channel] + start;
    output[channel] = process.outputs[0].data32[channel] + start;
  }
  const auto num_stems = static_cast<std::uint32_t>(engine_.parameters().num_stems());
  std::fill(stem_rows_.begin(), stem_rows_.end(), nullptr);
  for (std::uint32_t stem = 0; stem < num_stems && stem + 1 < process.num_outputs; ++stem) {
    const AudioBuffer& buffer = process.outputs[stem + 1];
    for (std::uint32_t channel = 0; channel < std::min(channels, buffer.channel_count); ++channel) {
      float* row = buffer.data32 ? buffer.data32[channel] : nullptr;
      stem_rows_[stem * channels + channel] = row ? row + start : nullptr;
    }
  }
  for (std::uint32_t port = 0; port < process.num_outputs; ++port) {
    process.outputs[port].constant_mask = 0;
  }
  engine_.process(input, output, stem_rows_.data(), end - start);
}

void Plugin::apply(const EventHeader& event) {
  if (event.space != kCoreEvents || event.type != kParameterValue) return;
  const auto& change = reinterpret_cast<const ParameterEvent&>(event);
  const int index = engine_.parameters().index_of(change.parameter_id);
  if (index < 0) return;
  if (engine_.set_value(index, engine_.parameters()[index].step_of(change.value)) && host_) {
    host_->request_callback(host_);  // loading a model is for the main thread
  }
}

void Plugin::flush(const InputEvents* events) {
  const std::uint32_t num_events = events ? events->size(events) : 0;
  for (std::uint32_t i = 0; i < num_events; ++i) {
    if (const EventHeader* event = events->get(events, i)) apply(*event);
  }
}

void Plugin::report_changes(const OutputEvents* events) {
  if (!events) return;
  engine_.report_changes([&](int index, int step) {
    ParameterEvent event{};
    event.header = {sizeof event, 0, kCoreEvents, kParameterValue, 0};
    event.parameter_id = engine_.parameters()[index].id;
    event.note_id = event.port = event.channel = event.key = -1;
    event.value = engine_.parameters()[index].value_of(step);
    return events->try_push(events, &event.header);
  });
}

// State

bool Plugin::save(const OutputStream& stream) const {
  const std::string state = engine_.save();
  for (std::size_t done = 0; done < state.size();) {
    const std::int64_t count = stream.write(&stream, state.data() + done, state.size() - done);
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

bool Plugin::load(const InputStream& stream) {
  std::string state;
  char bytes[1024];
  std::int64_t count = 0;
  while ((count = stream.read(&stream, bytes, sizeof bytes)) > 0 && state.size() < kMaxState) {
    state.append(bytes, static_cast<std::size_t>(count));
  }
  if (count < 0 || !engine_.restore(state)) return false;
  const auto* parameters = host_extension<HostParameters>(kParametersId);
  if (parameters && parameters->rescan) parameters->rescan(host_, kRescanValues);
  return true;
}

const StateExtension Plugin::kState{
    [](const Interface* i, const OutputStream* stream) { return self(i).save(*stream); },
    [](const Interface* i, const InputStream* stream) { return self(i).load(*stream); },
};

const LatencyExtension Plugin::kLatency{[](const Interface* i) {
  return static_cast<std::uint32_t>(self(i).engine_.latency_samples(self(i).sample_rate_));
}};

// Parameters

const ParametersExtension Plugin::kParameters{
    [](const Interface* i) {
      return static_cast<std::uint32_t>(self(i).engine_.parameters().size());
    },
    [](const Interface* i, std::uint32_t index, ParameterInfo* info) {
      const Parameters& parameters = self(i).engine_.parameters();
      if (index >= static_cast<std::uint32_t>(parameters.size())) return false;
      const Parameter& parameter = parameters[static_cast<int>(index)];
      *info = {};
      info->id = parameter.id;
      write(parameter.title, info->name);
      info->minimum = parameter.value_of(0);
      info->maximum = parameter.value_of(parameter.steps);
      info->initial = parameter.value_of(parameter.initial);
      switch (parameter.kind) {
        case Kind::kFader:
          info->flags = kAutomatable;
          break;
        case Kind::kBypass:
          info->flags = kAutomatable | kStepped | kBypass;
          break;
        case Kind::kSolo:
          info->flags = kAutomatable | kStepped | kEnum;
          break;
        case Kind::kModel:
          info->flags = kStepped | kEnum;
          break;
        case Kind::kStatus:
          info->flags = kReadOnly | kStepped | kEnum;
          break;
      }
      return true;
    },
    [](const Interface* i, std::uint32_t id, double* value) {
      const Engine& engine = self(i).engine_;
      const int index = engine.parameters().index_of(id);
      if (index < 0) return false;
      *value = engine.parameters()[index].value_of(engine.value(index));
      return true;
    },
    [](const Interface* i, std::uint32_t id, double value, char* text, std::uint32_t size) {
      const Parameters& parameters = self(i).engine_.parameters();
      const int index = parameters.index_of(id);
      if (index < 0 || size == 0) return false;
      const Parameter& parameter = parameters[index];
      std::string written = parameter.text(parameter.step_of(value));
      if (!parameter.unit.empty()) written += " " + parameter.unit;
      const std::size_t length = std::min<std::size_t>(written.size(), size - 1);
      std::copy_n(written.data(), length, text);
      text[length] = '\0';
      return true;
    },
    [](const Interface* i, std::uint32_t id, const char* text, double* value) {
      const Parameters& parameters = self(i).engine_.parameters();
      const int index = parameters.index_of(id);
      const int step = index < 0 ? -1 : parameters[index].parse(text);
      if (step < 0) return false;
      *value = parameters[index].value_of(step);
      return true;
    },
    [](const Interface* i, const InputEvents* events, const OutputEvents* out_events) {
      self(i).flush(events);
      self(i).report_changes(out_events);
    },
};

}  // namespace unbraid::plugin::clap
