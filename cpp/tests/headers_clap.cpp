// Our CLAP declarations beside the official ones, of any release since 1.1: this compiles only if
// they are the same. Ours come first, as some of CLAP's names are macros.
#include <cstddef>
#include <string_view>

#include "headers_alike.h"
#include "plugin/clap/clap_layout.h"

#if __has_include(<clap/clap.h>)
#include <clap/clap.h>
#else  // as some distributions install it, in part
#include <clap/entry.h>
#include <clap/ext/audio-ports.h>
#include <clap/ext/latency.h>
#include <clap/ext/params.h>
#include <clap/ext/state.h>
#include <clap/plugin-factory.h>
#include <clap/plugin-features.h>
#endif

namespace ours = unbraid::plugin::clap;

// The names are the same on both sides, so that each check names a thing once.
#define SAME_SIZE(type) \
  static_assert(sizeof(ours::type) == sizeof(::type) && alignof(ours::type) == alignof(::type))
#define SAME_FIELD(type, field)                                           \
  static_assert(offsetof(ours::type, field) == offsetof(::type, field) && \
                sizeof(ours::type::field) == sizeof(::type::field))
#define SAME_VALUE(name) \
  static_assert(static_cast<long long>(ours::name) == static_cast<long long>(::name))
#define SAME_TEXT(name) static_assert(std::string_view(ours::name) == std::string_view(::name))

#define SAME_FUNCTION(type, field)                                        \
  static_assert(offsetof(ours::type, field) == offsetof(::type, field) && \
                alike_functions<decltype(ours::type::field), decltype(::type::field)>())

SAME_SIZE(clap_version_t);
SAME_FIELD(clap_version_t, major);
SAME_FIELD(clap_version_t, minor);
SAME_FIELD(clap_version_t, revision);
SAME_SIZE(clap_id);
SAME_VALUE(CLAP_INVALID_ID);
SAME_VALUE(CLAP_NAME_SIZE);

SAME_SIZE(clap_host_t);
SAME_FIELD(clap_host_t, clap_version);
SAME_FIELD(clap_host_t, host_data);
SAME_FIELD(clap_host_t, name);
SAME_FIELD(clap_host_t, vendor);
SAME_FIELD(clap_host_t, url);
SAME_FIELD(clap_host_t, version);
SAME_FUNCTION(clap_host_t, get_extension);
SAME_FUNCTION(clap_host_t, request_restart);
SAME_FUNCTION(clap_host_t, request_process);
SAME_FUNCTION(clap_host_t, request_callback);

SAME_SIZE(clap_event_header_t);
SAME_FIELD(clap_event_header_t, size);
SAME_FIELD(clap_event_header_t, time);
SAME_FIELD(clap_event_header_t, space_id);
SAME_FIELD(clap_event_header_t, type);
SAME_FIELD(clap_event_header_t, flags);
SAME_VALUE(CLAP_CORE_EVENT_SPACE_ID);
SAME_VALUE(CLAP_EVENT_PARAM_VALUE);
SAME_SIZE(clap_event_param_value_t);
SAME_FIELD(clap_event_param_value_t, header);
SAME_FIELD(clap_event_param_value_t, param_id);
SAME_FIELD(clap_event_param_value_t, cookie);
SAME_FIELD(clap_event_param_value_t, note_id);
SAME_FIELD(clap_event_param_value_t, port_index);
SAME_FIELD(clap_event_param_value_t, channel);
SAME_FIELD(clap_event_param_value_t, key);
SAME_FIELD(clap_event_param_value_t, value);
SAME_SIZE(clap_input_events_t);
SAME_FIELD(clap_input_events_t, ctx);
SAME_FUNCTION(clap_input_events_t, size);
SAME_FUNCTION(clap_input_events_t, get);
SAME_SIZE(clap_output_events_t);
SAME_FIELD(clap_output_events_t, ctx);
SAME_FUNCTION(clap_output_events_t, try_push);

SAME_SIZE(clap_audio_buffer_t);
SAME_FIELD(clap_audio_buffer_t, data32);
SAME_FIELD(clap_audio_buffer_t, data64);
SAME_FIELD(clap_audio_buffer_t, channel_count);
SAME_FIELD(clap_audio_buffer_t, latency);
SAME_FIELD(clap_audio_buffer_t, constant_mask);
SAME_SIZE(clap_process_t);
SAME_FIELD(clap_process_t, steady_time);
SAME_FIELD(clap_process_t, frames_count);
SAME_FIELD(clap_process_t, transport);
SAME_FIELD(clap_process_t, audio_inputs);
SAME_FIELD(clap_process_t, audio_outputs);
SAME_FIELD(clap_process_t, audio_inputs_count);
SAME_FIELD(clap_process_t, audio_outputs_count);
SAME_FIELD(clap_process_t, in_events);
SAME_FIELD(clap_process_t, out_events);
SAME_SIZE(clap_process_status);
SAME_VALUE(CLAP_PROCESS_ERROR);
SAME_VALUE(CLAP_PROCESS_CONTINUE);

SAME_SIZE(clap_plugin_descriptor_t);
SAME_FIELD(clap_plugin_descriptor_t, clap_version);
SAME_FIELD(clap_plugin_descriptor_t, id);
SAME_FIELD(clap_plugin_descriptor_t, name);
SAME_FIELD(clap_plugin_descriptor_t, vendor);
SAME_FIELD(clap_plugin_descriptor_t, url);
SAME_FIELD(clap_plugin_descriptor_t, manual_url);
SAME_FIELD(clap_plugin_descriptor_t, support_url);
SAME_FIELD(clap_plugin_descriptor_t, version);
SAME_FIELD(clap_plugin_descriptor_t, description);
SAME_FIELD(clap_plugin_descriptor_t, features);
// Features of the official header are macros, so that only the texts can be compared here.
static_assert(std::string_view(CLAP_PLUGIN_FEATURE_AUDIO_EFFECT) == "audio-effect");
static_assert(std::string_view(CLAP_PLUGIN_FEATURE_RESTORATION) == "restoration");
static_assert(std::string_view(CLAP_PLUGIN_FEATURE_MIXING) == "mixing");
static_assert(std::string_view(CLAP_PLUGIN_FEATURE_MONO) == "mono");
static_assert(std::string_view(CLAP_PLUGIN_FEATURE_STEREO) == "stereo");

SAME_SIZE(clap_plugin_t);
SAME_FIELD(clap_plugin_t, desc);
SAME_FIELD(clap_plugin_t, plugin_data);
SAME_FUNCTION(clap_plugin_t, init);
SAME_FUNCTION(clap_plugin_t, destroy);
SAME_FUNCTION(clap_plugin_t, activate);
SAME_FUNCTION(clap_plugin_t, deactivate);
SAME_FUNCTION(clap_plugin_t, start_processing);
SAME_FUNCTION(clap_plugin_t, stop_processing);
SAME_FUNCTION(clap_plugin_t, reset);
SAME_FUNCTION(clap_plugin_t, process);
SAME_FUNCTION(clap_plugin_t, get_extension);
SAME_FUNCTION(clap_plugin_t, on_main_thread);

SAME_TEXT(CLAP_PLUGIN_FACTORY_ID);
SAME_SIZE(clap_plugin_factory_t);
SAME_FUNCTION(clap_plugin_factory_t, get_plugin_count);
SAME_FUNCTION(clap_plugin_factory_t, get_plugin_descriptor);
SAME_FUNCTION(clap_plugin_factory_t, create_plugin);
SAME_SIZE(clap_plugin_entry_t);
SAME_FIELD(clap_plugin_entry_t, clap_version);
SAME_FUNCTION(clap_plugin_entry_t, init);
SAME_FUNCTION(clap_plugin_entry_t, deinit);
SAME_FUNCTION(clap_plugin_entry_t, get_factory);

SAME_TEXT(CLAP_EXT_PARAMS);
SAME_SIZE(clap_param_info_flags);
SAME_VALUE(CLAP_PARAM_IS_STEPPED);
SAME_VALUE(CLAP_PARAM_IS_READONLY);
SAME_VALUE(CLAP_PARAM_IS_BYPASS);
SAME_VALUE(CLAP_PARAM_IS_AUTOMATABLE);
SAME_SIZE(clap_param_info_t);
SAME_FIELD(clap_param_info_t, id);
SAME_FIELD(clap_param_info_t, flags);
SAME_FIELD(clap_param_info_t, cookie);
SAME_FIELD(clap_param_info_t, name);
SAME_FIELD(clap_param_info_t, module);
SAME_FIELD(clap_param_info_t, min_value);
SAME_FIELD(clap_param_info_t, max_value);
SAME_FIELD(clap_param_info_t, default_value);
SAME_SIZE(clap_plugin_params_t);
SAME_FUNCTION(clap_plugin_params_t, count);
SAME_FUNCTION(clap_plugin_params_t, get_info);
SAME_FUNCTION(clap_plugin_params_t, get_value);
SAME_FUNCTION(clap_plugin_params_t, value_to_text);
SAME_FUNCTION(clap_plugin_params_t, text_to_value);
SAME_FUNCTION(clap_plugin_params_t, flush);
SAME_VALUE(CLAP_PARAM_RESCAN_VALUES);
SAME_SIZE(clap_host_params_t);
SAME_FUNCTION(clap_host_params_t, rescan);
SAME_FUNCTION(clap_host_params_t, clear);
SAME_FUNCTION(clap_host_params_t, request_flush);

SAME_TEXT(CLAP_EXT_STATE);
SAME_SIZE(clap_istream_t);
SAME_FIELD(clap_istream_t, ctx);
SAME_FUNCTION(clap_istream_t, read);
SAME_SIZE(clap_ostream_t);
SAME_FIELD(clap_ostream_t, ctx);
SAME_FUNCTION(clap_ostream_t, write);
SAME_SIZE(clap_plugin_state_t);
SAME_FUNCTION(clap_plugin_state_t, save);
SAME_FUNCTION(clap_plugin_state_t, load);

SAME_TEXT(CLAP_EXT_LATENCY);
SAME_SIZE(clap_plugin_latency_t);
SAME_FUNCTION(clap_plugin_latency_t, get);

SAME_TEXT(CLAP_EXT_AUDIO_PORTS);
SAME_TEXT(CLAP_PORT_MONO);
SAME_TEXT(CLAP_PORT_STEREO);
SAME_VALUE(CLAP_AUDIO_PORT_IS_MAIN);
SAME_SIZE(clap_audio_port_info_t);
SAME_FIELD(clap_audio_port_info_t, id);
SAME_FIELD(clap_audio_port_info_t, name);
SAME_FIELD(clap_audio_port_info_t, flags);
SAME_FIELD(clap_audio_port_info_t, channel_count);
SAME_FIELD(clap_audio_port_info_t, port_type);
SAME_FIELD(clap_audio_port_info_t, in_place_pair);
SAME_SIZE(clap_plugin_audio_ports_t);
SAME_FUNCTION(clap_plugin_audio_ports_t, count);
SAME_FUNCTION(clap_plugin_audio_ports_t, get);

// What the parts lack that distributions install.
#if __has_include(<clap/clap.h>)
SAME_VALUE(CLAP_PATH_SIZE);
SAME_VALUE(CLAP_PARAM_IS_ENUM);

SAME_TEXT(CLAP_EXT_AUDIO_PORTS_CONFIG);
SAME_TEXT(CLAP_EXT_AUDIO_PORTS_CONFIG_INFO);
SAME_SIZE(clap_audio_ports_config_t);
SAME_FIELD(clap_audio_ports_config_t, id);
SAME_FIELD(clap_audio_ports_config_t, name);
SAME_FIELD(clap_audio_ports_config_t, input_port_count);
SAME_FIELD(clap_audio_ports_config_t, output_port_count);
SAME_FIELD(clap_audio_ports_config_t, has_main_input);
SAME_FIELD(clap_audio_ports_config_t, main_input_channel_count);
SAME_FIELD(clap_audio_ports_config_t, main_input_port_type);
SAME_FIELD(clap_audio_ports_config_t, has_main_output);
SAME_FIELD(clap_audio_ports_config_t, main_output_channel_count);
SAME_FIELD(clap_audio_ports_config_t, main_output_port_type);
SAME_SIZE(clap_plugin_audio_ports_config_t);
SAME_FUNCTION(clap_plugin_audio_ports_config_t, count);
SAME_FUNCTION(clap_plugin_audio_ports_config_t, get);
SAME_FUNCTION(clap_plugin_audio_ports_config_t, select);
SAME_SIZE(clap_plugin_audio_ports_config_info_t);
SAME_FUNCTION(clap_plugin_audio_ports_config_info_t, current_config);
SAME_FUNCTION(clap_plugin_audio_ports_config_info_t, get);

SAME_TEXT(CLAP_EXT_LOG);
SAME_SIZE(clap_log_severity);
SAME_VALUE(CLAP_LOG_WARNING);
SAME_SIZE(clap_host_log_t);
SAME_FUNCTION(clap_host_log_t, log);
#endif

int main() {}
