#include "plugin/clap/clap.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "plugin/clap/clap_layout.h"
#include "plugin/entry.h"

namespace unbraid::plugin::clap {
namespace {

constexpr std::size_t kMaxState = 1 << 16;

bool is_param_value(const clap_event_header_t& event) {
  return event.space_id == CLAP_CORE_EVENT_SPACE_ID && event.type == CLAP_EVENT_PARAM_VALUE &&
         event.size >= sizeof(clap_event_param_value_t);
}

}  // namespace

const clap_plugin_descriptor_t& descriptor() {
  static const char* const features[] = {
      CLAP_PLUGIN_FEATURE_AUDIO_EFFECT, CLAP_PLUGIN_FEATURE_RESTORATION, CLAP_PLUGIN_FEATURE_MIXING,
      CLAP_PLUGIN_FEATURE_MONO,         CLAP_PLUGIN_FEATURE_STEREO,      nullptr};
  static const clap_plugin_descriptor_t descriptor{CLAP_VERSION,
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

Plugin::Plugin(const clap_host_t* host)
    : host_(host), stem_rows_(engine_.stem_names().size() * kMaxPluginChannels) {
  using P = const clap_plugin_t;
  plugin_.desc = &descriptor();
  plugin_.plugin_data = this;
  plugin_.init = [](P*) { return true; };
  plugin_.destroy = [](P* p) { delete &self(p); };
  plugin_.activate = [](P* p, double sample_rate, std::uint32_t, std::uint32_t) {
    return guarded(false, [&] { return self(p).activate(sample_rate); });
  };
  plugin_.deactivate = [](P* p) { self(p).engine_.deactivate(); };
  plugin_.start_processing = [](P*) { return true; };
  plugin_.stop_processing = [](P*) {};
  plugin_.reset = [](P* p) { guarded([&] { self(p).engine_.reset(); }); };
  plugin_.process = [](P* p, const clap_process_t* process) {
    return guarded<clap_process_status>(CLAP_PROCESS_ERROR,
                                        [&] { return self(p).process(*process); });
  };
  plugin_.get_extension = &Plugin::get_extension;
  plugin_.on_main_thread = [](P* p) { guarded([&] { self(p).engine_.update_model(); }); };
}

const void* Plugin::get_extension(const clap_plugin_t*, const char* id) {
  if (!id) return nullptr;
  const auto is = [id](const char* known) { return std::strcmp(id, known) == 0; };
  if (is(CLAP_EXT_PARAMS)) return &kParameters;
  if (is(CLAP_EXT_STATE)) return &kState;
  if (is(CLAP_EXT_LATENCY)) return &kLatency;
  if (is(CLAP_EXT_AUDIO_PORTS)) return &kPorts;
  if (is(CLAP_EXT_AUDIO_PORTS_CONFIG)) return &kPortsConfig;
  if (is(CLAP_EXT_AUDIO_PORTS_CONFIG_INFO)) return &kPortsConfigInfo;
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
  const auto* log = host_extension<clap_host_log_t>(CLAP_EXT_LOG);
  if (engine_.value(index) != 0 && log && log->log) {
    log->log(host_, CLAP_LOG_WARNING,
             engine_.parameters()[index].choices[engine_.value(index)].c_str());
  }
  return true;
}

// Audio

clap_process_status Plugin::process(const clap_process_t& process) {
  const clap_input_events_t* events = process.in_events;
  const std::uint32_t num_events = events ? events->size(events) : 0;
  std::uint32_t done = 0;
  for (std::uint32_t i = 0; i < num_events; ++i) {
    const clap_event_header_t* event = events->get(events, i);
    if (!event) continue;
    const std::uint32_t time = std::min(event->time, process.frames_count);
    if (time > done && is_param_value(*event)) {
      render(process, done, time);
      done = time;
    }
    apply(*event);
  }
  if (done < process.frames_count) render(process, done, process.frames_count);
  report_changes(process.out_events);
  return CLAP_PROCESS_CONTINUE;
}

void Plugin::render(const clap_process_t& process, std::uint32_t start, std::uint32_t end) {
  const auto channels = static_cast<std::uint32_t>(engine_.setup().channels);
  const auto usable = [channels](const clap_audio_buffer_t* buffers, std::uint32_t count) {
    return count > 0 && buffers && buffers[0].channel_count >= channels && buffers[0].data32 &&
           std::all_of(buffers[0].data32, buffers[0].data32 + channels,
                       [](const float* row) { return row; });
  };
  if (!engine_.active() || !usable(process.audio_inputs, process.audio_inputs_count) ||
      !usable(process.audio_outputs, process.audio_outputs_count)) {
    return silence(process, start, end);
  }
  const float* input[kMaxPluginChannels] = {};
  float* output[kMaxPluginChannels] = {};
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    input[channel] = process.audio_inputs[0].data32[channel] + start;
    output[channel] = process.audio_outputs[0].data32[channel] + start;
  }
  const auto num_stems = static_cast<std::uint32_t>(engine_.parameters().num_stems());
  std::fill(stem_rows_.begin(), stem_rows_.end(), nullptr);
  for (std::uint32_t stem = 0; stem < num_stems && stem + 1 < process.audio_outputs_count; ++stem) {
    const clap_audio_buffer_t& buffer = process.audio_outputs[stem + 1];
    for (std::uint32_t channel = 0; channel < std::min(channels, buffer.channel_count); ++channel) {
      float* row = buffer.data32 ? buffer.data32[channel] : nullptr;
      stem_rows_[stem * channels + channel] = row ? row + start : nullptr;
    }
  }
  for (std::uint32_t port = 0; port < process.audio_outputs_count; ++port) {
    process.audio_outputs[port].constant_mask = 0;
  }
  engine_.process(input, output, stem_rows_.data(), end - start);
}

void Plugin::silence(const clap_process_t& process, std::uint32_t start, std::uint32_t end) {
  const std::uint32_t num_ports = process.audio_outputs ? process.audio_outputs_count : 0;
  for (std::uint32_t port = 0; port < num_ports; ++port) {
    const clap_audio_buffer_t& buffer = process.audio_outputs[port];
    for (std::uint32_t channel = 0; buffer.data32 && channel < buffer.channel_count; ++channel) {
      float* row = buffer.data32[channel];
      if (row) std::fill(row + start, row + end, 0.0f);
    }
  }
}

void Plugin::apply(const clap_event_header_t& event) {
  if (!is_param_value(event)) return;
  const auto& change = reinterpret_cast<const clap_event_param_value_t&>(event);
  const int index = engine_.parameters().index_of(change.param_id);
  if (index < 0) return;
  const bool wants_model =
      engine_.set_value(index, engine_.parameters()[index].step_of(change.value));
  // Loading a model is for the main thread.
  if (wants_model && host_ && host_->request_callback) host_->request_callback(host_);
}

void Plugin::flush(const clap_input_events_t* events) {
  const std::uint32_t num_events = events ? events->size(events) : 0;
  for (std::uint32_t i = 0; i < num_events; ++i) {
    if (const clap_event_header_t* event = events->get(events, i)) apply(*event);
  }
}

void Plugin::report_changes(const clap_output_events_t* events) {
  if (!events || !events->try_push) return;
  engine_.report_changes([&](int index, int step) {
    clap_event_param_value_t event{};
    event.header = {sizeof event, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
    event.param_id = engine_.parameters()[index].id;
    event.note_id = event.port_index = event.channel = event.key = -1;
    event.value = engine_.parameters()[index].value_of(step);
    return events->try_push(events, &event.header);
  });
}

// State

bool Plugin::save(const clap_ostream_t& stream) const {
  const std::string state = engine_.save();
  for (std::size_t done = 0; done < state.size();) {
    const std::int64_t count = stream.write(&stream, state.data() + done, state.size() - done);
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

bool Plugin::load(const clap_istream_t& stream) {
  std::string state;
  char bytes[1024];
  std::int64_t count = 0;
  while ((count = stream.read(&stream, bytes, sizeof bytes)) > 0 && state.size() < kMaxState) {
    state.append(bytes, std::min(static_cast<std::size_t>(count), sizeof bytes));
  }
  if (count < 0 || !engine_.restore(state)) return false;
  const auto* parameters = host_extension<clap_host_params_t>(CLAP_EXT_PARAMS);
  if (parameters && parameters->rescan) parameters->rescan(host_, CLAP_PARAM_RESCAN_VALUES);
  return true;
}

const clap_plugin_state_t Plugin::kState{
    [](const clap_plugin_t* p, const clap_ostream_t* stream) {
      return guarded(false, [&] { return self(p).save(*stream); });
    },
    [](const clap_plugin_t* p, const clap_istream_t* stream) {
      return guarded(false, [&] { return self(p).load(*stream); });
    },
};

const clap_plugin_latency_t Plugin::kLatency{[](const clap_plugin_t* p) {
  return guarded<std::uint32_t>(
      0, [&] { return self(p).engine_.latency_samples(self(p).sample_rate_); });
}};

}  // namespace unbraid::plugin::clap
