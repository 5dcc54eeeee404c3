#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "plugin/clap/clap_abi.h"
#include "plugin/engine.h"

namespace unbraid::plugin::clap {

/// Into a text of fixed size, cut where it does not fit.
template <std::size_t Size>
void write(std::string_view text, char (&to)[Size]) {
  const std::size_t length = std::min(text.size(), Size - 1);
  std::copy_n(text.data(), length, to);
  to[length] = '\0';
}

const clap_plugin_descriptor_t& descriptor();

/// The engine as a CLAP plug-in. Created by the factory, destroyed by its own destroy().
class Plugin {
 public:
  explicit Plugin(const clap_host_t* host);
  const clap_plugin_t* plugin() const { return &plugin_; }

 private:
  static Plugin& self(const clap_plugin_t* plugin) {
    return *static_cast<Plugin*>(plugin->plugin_data);
  }

  bool activate(double sample_rate);
  clap_process_status process(const clap_process_t& process);
  void render(const clap_process_t& process, std::uint32_t start, std::uint32_t end);
  static void silence(const clap_process_t& process, std::uint32_t start, std::uint32_t end);
  void apply(const clap_event_header_t& event);
  void flush(const clap_input_events_t* events);
  void report_changes(const clap_output_events_t* events);
  bool save(const clap_ostream_t& stream) const;
  bool load(const clap_istream_t& stream);
  static const void* get_extension(const clap_plugin_t*, const char* id);
  template <typename Extension>
  const Extension* host_extension(const char* id) const;

  // The ways the ports can be set up: stereo or mono, each without and with the stems.
  static constexpr std::uint32_t kNumConfigs = 4;
  static int channels_of(std::uint32_t config) { return config % 2 == 0 ? 2 : 1; }
  static bool has_stems(std::uint32_t config) { return config >= 2; }
  std::uint32_t num_ports(std::uint32_t config, bool is_input) const;
  bool describe_port(std::uint32_t config, std::uint32_t index, bool is_input,
                     clap_audio_port_info_t&) const;
  bool describe_config(std::uint32_t config, clap_audio_ports_config_t&) const;

  static const clap_plugin_params_t kParameters;
  static const clap_plugin_state_t kState;
  static const clap_plugin_latency_t kLatency;
  static const clap_plugin_audio_ports_t kPorts;
  static const clap_plugin_audio_ports_config_t kPortsConfig;
  static const clap_plugin_audio_ports_config_info_t kPortsConfigInfo;

  clap_plugin_t plugin_;
  const clap_host_t* host_;
  Engine engine_;
  double sample_rate_ = 48000.0;
  std::uint32_t config_ = 0;
  std::vector<float*> stem_rows_;  // [stems * channels]
};

}  // namespace unbraid::plugin::clap
