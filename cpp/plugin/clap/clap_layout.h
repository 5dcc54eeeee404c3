#pragma once

#include <cstddef>
#include <cstdint>

#include "plugin/clap/clap_abi.h"

/// What a host takes for granted of our structures, with pointers of 64 bits.
namespace unbraid::plugin::clap {

static_assert(sizeof(clap_version_t) == 12 && sizeof(bool) == 1);
static_assert(sizeof(clap_event_header_t) == 16 && offsetof(clap_event_header_t, time) == 4 &&
              offsetof(clap_event_header_t, space_id) == 8 &&
              offsetof(clap_event_header_t, type) == 10 &&
              offsetof(clap_event_header_t, flags) == 12);

#if UINTPTR_MAX == UINT64_MAX
static_assert(sizeof(clap_host_t) == 88 && offsetof(clap_host_t, host_data) == 16 &&
              offsetof(clap_host_t, name) == 24 && offsetof(clap_host_t, vendor) == 32 &&
              offsetof(clap_host_t, url) == 40 && offsetof(clap_host_t, version) == 48 &&
              offsetof(clap_host_t, get_extension) == 56 &&
              offsetof(clap_host_t, request_restart) == 64 &&
              offsetof(clap_host_t, request_process) == 72 &&
              offsetof(clap_host_t, request_callback) == 80);

static_assert(sizeof(clap_event_param_value_t) == 56 &&
              offsetof(clap_event_param_value_t, param_id) == 16 &&
              offsetof(clap_event_param_value_t, cookie) == 24 &&
              offsetof(clap_event_param_value_t, note_id) == 32 &&
              offsetof(clap_event_param_value_t, port_index) == 36 &&
              offsetof(clap_event_param_value_t, channel) == 38 &&
              offsetof(clap_event_param_value_t, key) == 40 &&
              offsetof(clap_event_param_value_t, value) == 48);
static_assert(sizeof(clap_input_events_t) == 24 && offsetof(clap_input_events_t, size) == 8 &&
              offsetof(clap_input_events_t, get) == 16);
static_assert(sizeof(clap_output_events_t) == 16 && offsetof(clap_output_events_t, try_push) == 8);

static_assert(sizeof(clap_audio_buffer_t) == 32 && offsetof(clap_audio_buffer_t, data64) == 8 &&
              offsetof(clap_audio_buffer_t, channel_count) == 16 &&
              offsetof(clap_audio_buffer_t, latency) == 20 &&
              offsetof(clap_audio_buffer_t, constant_mask) == 24);
static_assert(sizeof(clap_process_t) == 64 && offsetof(clap_process_t, frames_count) == 8 &&
              offsetof(clap_process_t, transport) == 16 &&
              offsetof(clap_process_t, audio_inputs) == 24 &&
              offsetof(clap_process_t, audio_outputs) == 32 &&
              offsetof(clap_process_t, audio_inputs_count) == 40 &&
              offsetof(clap_process_t, audio_outputs_count) == 44 &&
              offsetof(clap_process_t, in_events) == 48 &&
              offsetof(clap_process_t, out_events) == 56);

static_assert(sizeof(clap_plugin_descriptor_t) == 88 &&
              offsetof(clap_plugin_descriptor_t, id) == 16 &&
              offsetof(clap_plugin_descriptor_t, name) == 24 &&
              offsetof(clap_plugin_descriptor_t, vendor) == 32 &&
              offsetof(clap_plugin_descriptor_t, url) == 40 &&
              offsetof(clap_plugin_descriptor_t, manual_url) == 48 &&
              offsetof(clap_plugin_descriptor_t, support_url) == 56 &&
              offsetof(clap_plugin_descriptor_t, version) == 64 &&
              offsetof(clap_plugin_descriptor_t, description) == 72 &&
              offsetof(clap_plugin_descriptor_t, features) == 80);
static_assert(sizeof(clap_plugin_t) == 96 && offsetof(clap_plugin_t, plugin_data) == 8 &&
              offsetof(clap_plugin_t, init) == 16 && offsetof(clap_plugin_t, destroy) == 24 &&
              offsetof(clap_plugin_t, activate) == 32 &&
              offsetof(clap_plugin_t, deactivate) == 40 &&
              offsetof(clap_plugin_t, start_processing) == 48 &&
              offsetof(clap_plugin_t, stop_processing) == 56 &&
              offsetof(clap_plugin_t, reset) == 64 && offsetof(clap_plugin_t, process) == 72 &&
              offsetof(clap_plugin_t, get_extension) == 80 &&
              offsetof(clap_plugin_t, on_main_thread) == 88);
static_assert(sizeof(clap_plugin_factory_t) == 24 &&
              offsetof(clap_plugin_factory_t, get_plugin_descriptor) == 8 &&
              offsetof(clap_plugin_factory_t, create_plugin) == 16);
static_assert(sizeof(clap_plugin_entry_t) == 40 && offsetof(clap_plugin_entry_t, init) == 16 &&
              offsetof(clap_plugin_entry_t, deinit) == 24 &&
              offsetof(clap_plugin_entry_t, get_factory) == 32);

static_assert(sizeof(clap_param_info_t) == 1320 && offsetof(clap_param_info_t, flags) == 4 &&
              offsetof(clap_param_info_t, cookie) == 8 && offsetof(clap_param_info_t, name) == 16 &&
              offsetof(clap_param_info_t, module) == 272 &&
              offsetof(clap_param_info_t, min_value) == 1296 &&
              offsetof(clap_param_info_t, max_value) == 1304 &&
              offsetof(clap_param_info_t, default_value) == 1312);
static_assert(sizeof(clap_plugin_params_t) == 48 && offsetof(clap_plugin_params_t, get_info) == 8 &&
              offsetof(clap_plugin_params_t, get_value) == 16 &&
              offsetof(clap_plugin_params_t, value_to_text) == 24 &&
              offsetof(clap_plugin_params_t, text_to_value) == 32 &&
              offsetof(clap_plugin_params_t, flush) == 40);
static_assert(sizeof(clap_host_params_t) == 24 && offsetof(clap_host_params_t, clear) == 8 &&
              offsetof(clap_host_params_t, request_flush) == 16);
static_assert(sizeof(clap_istream_t) == 16 && offsetof(clap_istream_t, read) == 8);
static_assert(sizeof(clap_ostream_t) == 16 && offsetof(clap_ostream_t, write) == 8);
static_assert(sizeof(clap_plugin_state_t) == 16 && offsetof(clap_plugin_state_t, load) == 8);
static_assert(sizeof(clap_plugin_latency_t) == 8 && sizeof(clap_host_log_t) == 8);

static_assert(sizeof(clap_audio_port_info_t) == 288 &&
              offsetof(clap_audio_port_info_t, name) == 4 &&
              offsetof(clap_audio_port_info_t, flags) == 260 &&
              offsetof(clap_audio_port_info_t, channel_count) == 264 &&
              offsetof(clap_audio_port_info_t, port_type) == 272 &&
              offsetof(clap_audio_port_info_t, in_place_pair) == 280);
static_assert(sizeof(clap_plugin_audio_ports_t) == 16 &&
              offsetof(clap_plugin_audio_ports_t, get) == 8);
static_assert(sizeof(clap_audio_ports_config_t) == 304 &&
              offsetof(clap_audio_ports_config_t, name) == 4 &&
              offsetof(clap_audio_ports_config_t, input_port_count) == 260 &&
              offsetof(clap_audio_ports_config_t, output_port_count) == 264 &&
              offsetof(clap_audio_ports_config_t, has_main_input) == 268 &&
              offsetof(clap_audio_ports_config_t, main_input_channel_count) == 272 &&
              offsetof(clap_audio_ports_config_t, main_input_port_type) == 280 &&
              offsetof(clap_audio_ports_config_t, has_main_output) == 288 &&
              offsetof(clap_audio_ports_config_t, main_output_channel_count) == 292 &&
              offsetof(clap_audio_ports_config_t, main_output_port_type) == 296);
static_assert(sizeof(clap_plugin_audio_ports_config_t) == 24 &&
              offsetof(clap_plugin_audio_ports_config_t, get) == 8 &&
              offsetof(clap_plugin_audio_ports_config_t, select) == 16);
static_assert(sizeof(clap_plugin_audio_ports_config_info_t) == 16 &&
              offsetof(clap_plugin_audio_ports_config_info_t, get) == 8);
#endif

}  // namespace unbraid::plugin::clap
