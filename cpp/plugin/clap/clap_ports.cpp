#include <algorithm>
#include <string>

#include "plugin/clap/clap.h"

namespace unbraid::plugin::clap {

std::uint32_t Plugin::num_ports(std::uint32_t config, bool is_input) const {
  return 1 + (is_input || !has_stems(config) ? 0u : engine_.parameters().num_stems());
}

bool Plugin::describe_port(std::uint32_t config, std::uint32_t index, bool is_input,
                           clap_audio_port_info_t& info) const {
  if (config >= kNumConfigs || index >= num_ports(config, is_input)) return false;
  info = {};
  info.id = index;
  const bool is_main = index == 0;
  write(!is_main   ? engine_.parameters()[static_cast<int>(index) - 1].title
        : is_input ? "Input"
                   : "Output",
        info.name);
  info.flags = is_main ? CLAP_AUDIO_PORT_IS_MAIN : 0;
  info.channel_count = static_cast<std::uint32_t>(channels_of(config));
  info.port_type = channels_of(config) == 1 ? CLAP_PORT_MONO : CLAP_PORT_STEREO;
  info.in_place_pair = is_main ? 0 : CLAP_INVALID_ID;
  return true;
}

bool Plugin::describe_config(std::uint32_t config, clap_audio_ports_config_t& info) const {
  if (config >= kNumConfigs) return false;
  info = {};
  info.id = config;
  const bool mono = channels_of(config) == 1;
  write(std::string(mono ? "Mono" : "Stereo") + (has_stems(config) ? " and stems" : ""), info.name);
  info.input_port_count = num_ports(config, true);
  info.output_port_count = num_ports(config, false);
  info.has_main_input = info.has_main_output = true;
  info.main_input_channel_count = info.main_output_channel_count = mono ? 1 : 2;
  info.main_input_port_type = info.main_output_port_type = mono ? CLAP_PORT_MONO : CLAP_PORT_STEREO;
  return true;
}

const clap_plugin_audio_ports_t Plugin::kPorts{
    [](const clap_plugin_t* p, bool is_input) {
      return self(p).num_ports(self(p).config_, is_input);
    },
    [](const clap_plugin_t* p, std::uint32_t index, bool is_input, clap_audio_port_info_t* info) {
      return self(p).describe_port(self(p).config_, index, is_input, *info);
    },
};

const clap_plugin_audio_ports_config_t Plugin::kPortsConfig{
    [](const clap_plugin_t*) { return kNumConfigs; },
    [](const clap_plugin_t* p, std::uint32_t index, clap_audio_ports_config_t* info) {
      return self(p).describe_config(index, *info);
    },
    [](const clap_plugin_t* p, std::uint32_t id) {
      if (id >= kNumConfigs || self(p).engine_.active()) return false;
      self(p).config_ = id;
      return true;
    },
};

const clap_plugin_audio_ports_config_info_t Plugin::kPortsConfigInfo{
    [](const clap_plugin_t* p) { return self(p).config_; },
    [](const clap_plugin_t* p, std::uint32_t id, std::uint32_t port, bool is_input,
       clap_audio_port_info_t* info) { return self(p).describe_port(id, port, is_input, *info); },
};

}  // namespace unbraid::plugin::clap
