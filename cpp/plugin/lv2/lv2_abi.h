#pragma once

#include <cstdint>

/// As much of the LV2 binary interface as this plug-in uses; the names are ours.
namespace unbraid::plugin::lv2 {

struct Feature;

struct Descriptor {
  const char* uri;
  void* (*instantiate)(const Descriptor*, double sample_rate, const char* bundle_path,
                       const Feature* const* features);
  void (*connect_port)(void* instance, std::uint32_t port, void* data);
  void (*activate)(void* instance);
  void (*run)(void* instance, std::uint32_t num_samples);
  void (*deactivate)(void* instance);
  void (*cleanup)(void* instance);
  const void* (*extension_data)(const char* uri);
};

}  // namespace unbraid::plugin::lv2
