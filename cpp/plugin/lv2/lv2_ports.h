#pragma once

#include <string>
#include <vector>

#include "plugin/parameters.h"

namespace unbraid::plugin::lv2 {

/// LV2 hosts read ports from a file, unbraid.ttl, so these are the usual model's stems, whatever is
/// installed.
inline const std::vector<std::string>& stem_names() {
  static const std::vector<std::string> names{"speech", "music", "noise"};
  return names;
}

constexpr const char* kUris[] = {"urn:unbraid:stereo", "urn:unbraid:mono"};
constexpr int kChannels[] = {2, 1};

/// The order of ports: audio in, audio out, then a control per parameter, then the latency.
/// The bypass parameter is turned round, because LV2 hosts know a switch "enabled".
struct Ports {
  explicit Ports(int num_channels, const Parameters& parameters)
      : channels(num_channels), num_parameters(parameters.size()) {}
  int output() const { return channels; }
  int control() const { return 2 * channels; }
  int latency() const { return control() + num_parameters; }
  int count() const { return latency() + 1; }

  int channels;
  int num_parameters;
};

}  // namespace unbraid::plugin::lv2
