#pragma once

#include <cstdint>

/// As much of the CLAP binary interface (1.2) as this plug-in uses, under CLAP's own names, so that
/// its documentation can be searched for them: plain structures of functions and numbers.
/// `clap_layout.h` checks how they lie in memory.
namespace unbraid::plugin::clap {

struct clap_version {
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t revision;
};
using clap_version_t = clap_version;
constexpr clap_version_t CLAP_VERSION{1, 2, 2};

using clap_id = std::uint32_t;
constexpr clap_id CLAP_INVALID_ID = UINT32_MAX;

enum { CLAP_NAME_SIZE = 256, CLAP_PATH_SIZE = 1024 };

struct clap_host {
  clap_version_t clap_version;
  void* host_data;
  const char* name;
  const char* vendor;
  const char* url;
  const char* version;
  const void* (*get_extension)(const clap_host* host, const char* extension_id);
  void (*request_restart)(const clap_host* host);
  void (*request_process)(const clap_host* host);
  void (*request_callback)(const clap_host* host);
};
using clap_host_t = clap_host;

// Events

struct clap_event_header {
  std::uint32_t size;
  std::uint32_t time;
  std::uint16_t space_id;
  std::uint16_t type;
  std::uint32_t flags;
};
using clap_event_header_t = clap_event_header;

constexpr std::uint16_t CLAP_CORE_EVENT_SPACE_ID = 0;
enum { CLAP_EVENT_PARAM_VALUE = 5 };

struct clap_event_param_value {
  clap_event_header_t header;
  clap_id param_id;
  void* cookie;
  std::int32_t note_id;
  std::int16_t port_index;
  std::int16_t channel;
  std::int16_t key;
  double value;
};
using clap_event_param_value_t = clap_event_param_value;

struct clap_input_events {
  void* ctx;
  std::uint32_t (*size)(const clap_input_events* list);
  const clap_event_header_t* (*get)(const clap_input_events* list, std::uint32_t index);
};
using clap_input_events_t = clap_input_events;

struct clap_output_events {
  void* ctx;
  bool (*try_push)(const clap_output_events* list, const clap_event_header_t* event);
};
using clap_output_events_t = clap_output_events;

// Audio

struct clap_audio_buffer {
  float** data32;
  double** data64;
  std::uint32_t channel_count;
  std::uint32_t latency;
  std::uint64_t constant_mask;
};
using clap_audio_buffer_t = clap_audio_buffer;

struct clap_event_transport;
using clap_event_transport_t = clap_event_transport;

struct clap_process {
  std::int64_t steady_time;
  std::uint32_t frames_count;
  const clap_event_transport_t* transport;
  const clap_audio_buffer_t* audio_inputs;
  clap_audio_buffer_t* audio_outputs;
  std::uint32_t audio_inputs_count;
  std::uint32_t audio_outputs_count;
  const clap_input_events_t* in_events;
  const clap_output_events_t* out_events;
};
using clap_process_t = clap_process;

using clap_process_status = std::int32_t;
enum { CLAP_PROCESS_ERROR = 0, CLAP_PROCESS_CONTINUE = 1 };

// The plug-in

struct clap_plugin_descriptor {
  clap_version_t clap_version;
  const char* id;
  const char* name;
  const char* vendor;
  const char* url;
  const char* manual_url;
  const char* support_url;
  const char* version;
  const char* description;
  const char* const* features;
};
using clap_plugin_descriptor_t = clap_plugin_descriptor;

constexpr char CLAP_PLUGIN_FEATURE_AUDIO_EFFECT[] = "audio-effect";
constexpr char CLAP_PLUGIN_FEATURE_RESTORATION[] = "restoration";
constexpr char CLAP_PLUGIN_FEATURE_MIXING[] = "mixing";
constexpr char CLAP_PLUGIN_FEATURE_MONO[] = "mono";
constexpr char CLAP_PLUGIN_FEATURE_STEREO[] = "stereo";

struct clap_plugin {
  const clap_plugin_descriptor_t* desc;
  void* plugin_data;
  bool (*init)(const clap_plugin* plugin);
  void (*destroy)(const clap_plugin* plugin);
  bool (*activate)(const clap_plugin* plugin, double sample_rate, std::uint32_t min_frames_count,
                   std::uint32_t max_frames_count);
  void (*deactivate)(const clap_plugin* plugin);
  bool (*start_processing)(const clap_plugin* plugin);
  void (*stop_processing)(const clap_plugin* plugin);
  void (*reset)(const clap_plugin* plugin);
  clap_process_status (*process)(const clap_plugin* plugin, const clap_process_t* process);
  const void* (*get_extension)(const clap_plugin* plugin, const char* id);
  void (*on_main_thread)(const clap_plugin* plugin);
};
using clap_plugin_t = clap_plugin;

constexpr char CLAP_PLUGIN_FACTORY_ID[] = "clap.plugin-factory";
struct clap_plugin_factory {
  std::uint32_t (*get_plugin_count)(const clap_plugin_factory* factory);
  const clap_plugin_descriptor_t* (*get_plugin_descriptor)(const clap_plugin_factory* factory,
                                                           std::uint32_t index);
  const clap_plugin_t* (*create_plugin)(const clap_plugin_factory* factory, const clap_host_t* host,
                                        const char* plugin_id);
};
using clap_plugin_factory_t = clap_plugin_factory;

struct clap_plugin_entry {
  clap_version_t clap_version;
  bool (*init)(const char* plugin_path);
  void (*deinit)();
  const void* (*get_factory)(const char* factory_id);
};
using clap_plugin_entry_t = clap_plugin_entry;

// Extensions

constexpr char CLAP_EXT_PARAMS[] = "clap.params";

using clap_param_info_flags = std::uint32_t;
enum {
  CLAP_PARAM_IS_STEPPED = 1 << 0,
  CLAP_PARAM_IS_READONLY = 1 << 3,
  CLAP_PARAM_IS_BYPASS = 1 << 4,
  CLAP_PARAM_IS_AUTOMATABLE = 1 << 5,
  CLAP_PARAM_IS_ENUM = 1 << 16,
};
struct clap_param_info {
  clap_id id;
  clap_param_info_flags flags;
  void* cookie;
  char name[CLAP_NAME_SIZE];
  char module[CLAP_PATH_SIZE];
  double min_value;
  double max_value;
  double default_value;
};
using clap_param_info_t = clap_param_info;

struct clap_plugin_params {
  std::uint32_t (*count)(const clap_plugin_t* plugin);
  bool (*get_info)(const clap_plugin_t* plugin, std::uint32_t param_index,
                   clap_param_info_t* param_info);
  bool (*get_value)(const clap_plugin_t* plugin, clap_id param_id, double* out_value);
  bool (*value_to_text)(const clap_plugin_t* plugin, clap_id param_id, double value,
                        char* out_buffer, std::uint32_t out_buffer_capacity);
  bool (*text_to_value)(const clap_plugin_t* plugin, clap_id param_id, const char* param_value_text,
                        double* out_value);
  void (*flush)(const clap_plugin_t* plugin, const clap_input_events_t* in,
                const clap_output_events_t* out);
};
using clap_plugin_params_t = clap_plugin_params;

using clap_param_rescan_flags = std::uint32_t;
using clap_param_clear_flags = std::uint32_t;
enum { CLAP_PARAM_RESCAN_VALUES = 1 << 0 };
struct clap_host_params {
  void (*rescan)(const clap_host_t* host, clap_param_rescan_flags flags);
  void (*clear)(const clap_host_t* host, clap_id param_id, clap_param_clear_flags flags);
  void (*request_flush)(const clap_host_t* host);
};
using clap_host_params_t = clap_host_params;

constexpr char CLAP_EXT_STATE[] = "clap.state";

struct clap_istream {
  void* ctx;
  std::int64_t (*read)(const clap_istream* stream, void* buffer, std::uint64_t size);
};
using clap_istream_t = clap_istream;

struct clap_ostream {
  void* ctx;
  std::int64_t (*write)(const clap_ostream* stream, const void* buffer, std::uint64_t size);
};
using clap_ostream_t = clap_ostream;

struct clap_plugin_state {
  bool (*save)(const clap_plugin_t* plugin, const clap_ostream_t* stream);
  bool (*load)(const clap_plugin_t* plugin, const clap_istream_t* stream);
};
using clap_plugin_state_t = clap_plugin_state;

constexpr char CLAP_EXT_LATENCY[] = "clap.latency";
struct clap_plugin_latency {
  std::uint32_t (*get)(const clap_plugin_t* plugin);
};
using clap_plugin_latency_t = clap_plugin_latency;

constexpr char CLAP_EXT_AUDIO_PORTS[] = "clap.audio-ports";
constexpr char CLAP_PORT_MONO[] = "mono";
constexpr char CLAP_PORT_STEREO[] = "stereo";
enum { CLAP_AUDIO_PORT_IS_MAIN = 1 << 0 };
struct clap_audio_port_info {
  clap_id id;
  char name[CLAP_NAME_SIZE];
  std::uint32_t flags;
  std::uint32_t channel_count;
  const char* port_type;
  clap_id in_place_pair;
};
using clap_audio_port_info_t = clap_audio_port_info;

struct clap_plugin_audio_ports {
  std::uint32_t (*count)(const clap_plugin_t* plugin, bool is_input);
  bool (*get)(const clap_plugin_t* plugin, std::uint32_t index, bool is_input,
              clap_audio_port_info_t* info);
};
using clap_plugin_audio_ports_t = clap_plugin_audio_ports;

constexpr char CLAP_EXT_AUDIO_PORTS_CONFIG[] = "clap.audio-ports-config";
struct clap_audio_ports_config {
  clap_id id;
  char name[CLAP_NAME_SIZE];
  std::uint32_t input_port_count;
  std::uint32_t output_port_count;
  bool has_main_input;
  std::uint32_t main_input_channel_count;
  const char* main_input_port_type;
  bool has_main_output;
  std::uint32_t main_output_channel_count;
  const char* main_output_port_type;
};
using clap_audio_ports_config_t = clap_audio_ports_config;

struct clap_plugin_audio_ports_config {
  std::uint32_t (*count)(const clap_plugin_t* plugin);
  bool (*get)(const clap_plugin_t* plugin, std::uint32_t index, clap_audio_ports_config_t* config);
  bool (*select)(const clap_plugin_t* plugin, clap_id config_id);
};
using clap_plugin_audio_ports_config_t = clap_plugin_audio_ports_config;

constexpr char CLAP_EXT_AUDIO_PORTS_CONFIG_INFO[] = "clap.audio-ports-config-info/1";
struct clap_plugin_audio_ports_config_info {
  clap_id (*current_config)(const clap_plugin_t* plugin);
  bool (*get)(const clap_plugin_t* plugin, clap_id config_id, std::uint32_t port_index,
              bool is_input, clap_audio_port_info_t* info);
};
using clap_plugin_audio_ports_config_info_t = clap_plugin_audio_ports_config_info;

constexpr char CLAP_EXT_LOG[] = "clap.log";
using clap_log_severity = std::int32_t;
enum { CLAP_LOG_WARNING = 2 };
struct clap_host_log {
  void (*log)(const clap_host_t* host, clap_log_severity severity, const char* msg);
};
using clap_host_log_t = clap_host_log;

}  // namespace unbraid::plugin::clap
