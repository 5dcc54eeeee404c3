#include <algorithm>
#include <string>

#include "plugin/clap/clap.h"

namespace unbraid::plugin::clap {

std::uint32_t Plugin::num_ports(std::uint32_t config, bool is_input) const {
  return 1 + (is_input || !has_stems(config) ? 0u : engine_.parameters().num_stems());
}

bool Plugin::describe_port(std::uint32_t config, std::uint32_t index, bool is_input,
                           PortInfo& info) const {
  if (config >= kNumConfigs || index >= num_ports(config, is_input)) return false;
  info = {};
  info.id = index;
  const bool is_main = index == 0;
  write(!is_main   ? engine_.parameters()[static_cast<int>(index) - 1].title
        : is_input ? "Input"
                   : "Output",
        info.name);
  info.flags = is_main ? kMainPort : 0;
  info.channel_count = static_cast<std::uint32_t>(channels_of(config));
  info.type = channels_of(config) == 1 ? kMono : kStereo;
  info.in_place_pair = is_main ? 0 : kInvalidId;
  return true;
}

bool Plugin::describe_config(std::uint32_t config, PortsConfig& info) const {
  if (config >= kNumConfigs) return false;
  info = {};
  info.id = config;
  const bool mono = channels_of(config) == 1;
  write(std::string(mono ? "Mono" : "Stereo") + (has_stems(config) ? " and stems" : ""), info.name);
  info.num_inputs = num_ports(config, true);
  info.num_outputs = num_ports(config, false);
  info.has_main_input = info.has_main_output = true;
  info.main_input_channels = info.main_output_channels = mono ? 1 : 2;
  info.main_input_type = info.main_output_type = mono ? kMono : kStereo;
  return true;
}

const PortsExtension Plugin::kPorts{
    [](const Interface* i, bool is_input) { return self(i).num_ports(self(i).config_, is_input); },
    [](const Interface* i, std::uint32_t index, bool is_input, PortInfo* info) {
      return self(i).describe_port(self(i).config_, index, is_input, *info);
    },
};

const PortsConfigExtension Plugin::kPortsConfig{
    [](const Interface*) { return kNumConfigs; },
    [](const Interface* i, std::uint32_t index, PortsConfig* info) {
      return self(i).describe_config(index, *info);
    },
    [](const Interface* i, std::uint32_t id) {
      if (id >= kNumConfigs || self(i).engine_.active()) return false;
      self(i).config_ = id;
      return true;
    },
};

const PortsConfigInfoExtension Plugin::kPortsConfigInfo{
    [](const Interface* i) { return self(i).config_; },
    [](const Interface* i, std::uint32_t id, std::uint32_t port, bool is_input, PortInfo* info) {
      return self(i).describe_port(id, port, is_input, *info);
    },
};

}  // namespace unbraid::plugin::clap
