#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "plugin/clap/clap_abi.h"
#include "plugin/engine.h"

namespace unbraid::plugin::clap {

/// Into a text of fixed size, cut where it does not fit.
template <std::size_t Size>
void write(const std::string& text, char (&to)[Size]) {
  const std::size_t length = std::min(text.size(), Size - 1);
  std::copy_n(text.data(), length, to);
  to[length] = '\0';
}

const Descriptor& descriptor();

/// The engine as a CLAP plug-in. Created by the factory, destroyed through its interface.
class Plugin {
 public:
  explicit Plugin(const Host* host);
  const Interface* interface() const { return &interface_; }

 private:
  static Plugin& self(const Interface* interface) { return *static_cast<Plugin*>(interface->data); }

  bool activate(double sample_rate);
  std::int32_t process(const Process& process);
  void render(const Process& process, std::uint32_t start, std::uint32_t end);
  void apply(const EventHeader& event);
  void flush(const InputEvents* events);
  void report_changes(const OutputEvents* events);
  bool save(const OutputStream& stream) const;
  bool load(const InputStream& stream);
  static const void* get_extension(const Interface*, const char* id);
  template <typename Extension>
  const Extension* host_extension(const char* id) const;

  // The ways the ports can be set up: stereo or mono, each without and with the stems.
  static constexpr std::uint32_t kNumConfigs = 4;
  static int channels_of(std::uint32_t config) { return config % 2 == 0 ? 2 : 1; }
  static bool has_stems(std::uint32_t config) { return config >= 2; }
  std::uint32_t num_ports(std::uint32_t config, bool is_input) const;
  bool describe_port(std::uint32_t config, std::uint32_t index, bool is_input, PortInfo&) const;
  bool describe_config(std::uint32_t config, PortsConfig&) const;

  static const ParametersExtension kParameters;
  static const StateExtension kState;
  static const LatencyExtension kLatency;
  static const PortsExtension kPorts;
  static const PortsConfigExtension kPortsConfig;
  static const PortsConfigInfoExtension kPortsConfigInfo;

  Interface interface_;
  const Host* host_;
  Engine engine_;
  double sample_rate_ = 48000.0;
  std::uint32_t config_ = 0;
  std::vector<float*> stem_rows_;  // [stems * channels]
};

}  // namespace unbraid::plugin::clap
