#pragma once

#include <cstddef>
#include <cstdint>

/// As much of the LV2 binary interface as this plug-in uses, under LV2's own names.
namespace unbraid::plugin::lv2 {

using LV2_Handle = void*;

struct LV2_Feature {
  const char* URI;
  void* data;
};

struct LV2_Descriptor {
  const char* URI;
  LV2_Handle (*instantiate)(const LV2_Descriptor* descriptor, double sample_rate,
                            const char* bundle_path, const LV2_Feature* const* features);
  void (*connect_port)(LV2_Handle instance, std::uint32_t port, void* data_location);
  void (*activate)(LV2_Handle instance);
  void (*run)(LV2_Handle instance, std::uint32_t sample_count);
  void (*deactivate)(LV2_Handle instance);
  void (*cleanup)(LV2_Handle instance);
  const void* (*extension_data)(const char* uri);
};

#if UINTPTR_MAX == UINT64_MAX
static_assert(sizeof(LV2_Feature) == 16 && offsetof(LV2_Feature, data) == 8);
static_assert(sizeof(LV2_Descriptor) == 64 && offsetof(LV2_Descriptor, instantiate) == 8 &&
              offsetof(LV2_Descriptor, connect_port) == 16 &&
              offsetof(LV2_Descriptor, activate) == 24 && offsetof(LV2_Descriptor, run) == 32 &&
              offsetof(LV2_Descriptor, deactivate) == 40 &&
              offsetof(LV2_Descriptor, cleanup) == 48 &&
              offsetof(LV2_Descriptor, extension_data) == 56);
#endif

}  // namespace unbraid::plugin::lv2
