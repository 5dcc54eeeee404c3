#pragma once

#include <cstdint>

/// As much of the CLAP binary interface as this plug-in uses: plain structures of functions and
/// numbers. Orders, types and strings are CLAP's, as of 1.2; the names are ours where they can be.
namespace unbraid::plugin::clap {

struct Version {
  std::uint32_t major, minor, revision;
};
constexpr Version kVersion{1, 2, 2};

constexpr std::uint32_t kInvalidId = 0xffffffffu;
constexpr int kNameSize = 256;
constexpr int kPathSize = 1024;

struct Host {
  Version version;
  void* data;
  const char* name;
  const char* vendor;
  const char* url;
  const char* host_version;
  const void* (*get_extension)(const Host*, const char* id);
  void (*request_restart)(const Host*);
  void (*request_process)(const Host*);
  void (*request_callback)(const Host*);
};

// Events

struct EventHeader {
  std::uint32_t size;
  std::uint32_t time;
  std::uint16_t space;
  std::uint16_t type;
  std::uint32_t flags;
};
constexpr std::uint16_t kCoreEvents = 0, kParameterValue = 5;

struct ParameterEvent {
  EventHeader header;
  std::uint32_t parameter_id;
  void* cookie;
  std::int32_t note_id;
  std::int16_t port, channel, key;
  double value;
};
struct InputEvents {
  void* context;
  std::uint32_t (*size)(const InputEvents*);
  const EventHeader* (*get)(const InputEvents*, std::uint32_t index);
};
struct OutputEvents {
  void* context;
  bool (*try_push)(const OutputEvents*, const EventHeader*);
};

// Audio

struct AudioBuffer {
  float** data32;
  double** data64;
  std::uint32_t channel_count;
  std::uint32_t latency;
  std::uint64_t constant_mask;
};
struct Process {
  std::int64_t steady_time;
  std::uint32_t num_samples;
  const void* transport;
  const AudioBuffer* inputs;
  AudioBuffer* outputs;
  std::uint32_t num_inputs;
  std::uint32_t num_outputs;
  const InputEvents* in_events;
  const OutputEvents* out_events;
};
constexpr std::int32_t kError = 0, kContinue = 1;

// The plug-in

struct Descriptor {
  Version version;
  const char* id;
  const char* name;
  const char* vendor;
  const char* url;
  const char* manual_url;
  const char* support_url;
  const char* plugin_version;
  const char* description;
  const char* const* features;
};

struct Interface {
  const Descriptor* descriptor;
  void* data;
  bool (*init)(const Interface*);
  void (*destroy)(const Interface*);
  bool (*activate)(const Interface*, double sample_rate, std::uint32_t min_block,
                   std::uint32_t max_block);
  void (*deactivate)(const Interface*);
  bool (*start_processing)(const Interface*);
  void (*stop_processing)(const Interface*);
  void (*reset)(const Interface*);
  std::int32_t (*process)(const Interface*, const Process*);
  const void* (*get_extension)(const Interface*, const char* id);
  void (*on_main_thread)(const Interface*);
};

struct Factory {
  std::uint32_t (*count)(const Factory*);
  const Descriptor* (*descriptor)(const Factory*, std::uint32_t index);
  const Interface* (*create)(const Factory*, const Host*, const char* id);
};
constexpr const char* kFactoryId = "clap.plugin-factory";

struct Entry {
  Version version;
  bool (*init)(const char* path);
  void (*deinit)();
  const void* (*get_factory)(const char* id);
};

// Extensions

constexpr const char* kParametersId = "clap.params";
struct ParameterInfo {
  std::uint32_t id;
  std::uint32_t flags;
  void* cookie;
  char name[kNameSize];
  char module[kPathSize];
  double minimum, maximum, initial;
};
constexpr std::uint32_t kStepped = 1, kReadOnly = 1 << 3, kBypass = 1 << 4, kAutomatable = 1 << 5,
                        kEnum = 1 << 16;
struct ParametersExtension {
  std::uint32_t (*count)(const Interface*);
  bool (*get_info)(const Interface*, std::uint32_t index, ParameterInfo*);
  bool (*get_value)(const Interface*, std::uint32_t id, double* value);
  bool (*value_to_text)(const Interface*, std::uint32_t id, double value, char* text,
                        std::uint32_t size);
  bool (*text_to_value)(const Interface*, std::uint32_t id, const char* text, double* value);
  void (*flush)(const Interface*, const InputEvents*, const OutputEvents*);
};
struct HostParameters {
  void (*rescan)(const Host*, std::uint32_t flags);
  void (*clear)(const Host*, std::uint32_t id, std::uint32_t flags);
  void (*request_flush)(const Host*);
};
constexpr std::uint32_t kRescanValues = 1;

constexpr const char* kStateId = "clap.state";
struct InputStream {
  void* context;
  std::int64_t (*read)(const InputStream*, void* bytes, std::uint64_t size);
};
struct OutputStream {
  void* context;
  std::int64_t (*write)(const OutputStream*, const void* bytes, std::uint64_t size);
};
struct StateExtension {
  bool (*save)(const Interface*, const OutputStream*);
  bool (*load)(const Interface*, const InputStream*);
};

constexpr const char* kLatencyId = "clap.latency";
struct LatencyExtension {
  std::uint32_t (*get)(const Interface*);
};

constexpr const char* kPortsId = "clap.audio-ports";
constexpr const char* kPortsConfigId = "clap.audio-ports-config";
constexpr const char* kPortsConfigInfoId = "clap.audio-ports-config-info/1";
constexpr const char* kMono = "mono";
constexpr const char* kStereo = "stereo";
constexpr std::uint32_t kMainPort = 1;
struct PortInfo {
  std::uint32_t id;
  char name[kNameSize];
  std::uint32_t flags;
  std::uint32_t channel_count;
  const char* type;
  std::uint32_t in_place_pair;
};
struct PortsExtension {
  std::uint32_t (*count)(const Interface*, bool is_input);
  bool (*get)(const Interface*, std::uint32_t index, bool is_input, PortInfo*);
};
struct PortsConfig {
  std::uint32_t id;
  char name[kNameSize];
  std::uint32_t num_inputs, num_outputs;
  bool has_main_input;
  std::uint32_t main_input_channels;
  const char* main_input_type;
  bool has_main_output;
  std::uint32_t main_output_channels;
  const char* main_output_type;
};
struct PortsConfigExtension {
  std::uint32_t (*count)(const Interface*);
  bool (*get)(const Interface*, std::uint32_t index, PortsConfig*);
  bool (*select)(const Interface*, std::uint32_t id);
};
struct PortsConfigInfoExtension {
  std::uint32_t (*current)(const Interface*);
  bool (*get)(const Interface*, std::uint32_t id, std::uint32_t port, bool is_input, PortInfo*);
};

constexpr const char* kLogId = "clap.log";
struct HostLog {
  void (*log)(const Host*, std::int32_t severity, const char* message);
};
constexpr std::int32_t kLogWarning = 2;

}  // namespace unbraid::plugin::clap
