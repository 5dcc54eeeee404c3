// Our VST3 declarations beside those of DPF's travesty, which tells the same in C: numbers and
// layouts when this compiles, the order of methods when it runs.
#include <cstddef>
#include <cstdint>

#include "headers_alike.h"
#include "plugin/vst3/vst3_layout.h"
// With tables of functions where C++ has classes.
#include <travesty/audio_processor.h>
#include <travesty/bstream.h>
#include <travesty/component.h>
#include <travesty/edit_controller.h>
#include <travesty/factory.h>

namespace ours = unbraid::plugin::vst3;

#define SAME_SIZE(type, other) \
  static_assert(sizeof(ours::type) == sizeof(other) && alignof(ours::type) == alignof(other))
#define SAME_FIELD(type, field, other, other_field)                            \
  static_assert(offsetof(ours::type, field) == offsetof(other, other_field) && \
                sizeof(ours::type::field) == sizeof(other::other_field))
#define SAME_VALUE(name, other) \
  static_assert(static_cast<std::uint32_t>(ours::name) == static_cast<std::uint32_t>(other))

static_assert(sizeof(ours::TBool) == sizeof(v3_bool));
static_assert(sizeof(ours::String128) == sizeof(v3_str_128));
static_assert(sizeof(ours::TUID) == sizeof(v3_tuid));
static_assert(sizeof(ours::tresult) == sizeof(v3_result));
static_assert(sizeof(ours::ParamID) == sizeof(v3_param_id));
static_assert(sizeof(ours::SpeakerArrangement) == sizeof(v3_speaker_arrangement));

SAME_VALUE(kNoInterface, V3_NO_INTERFACE);
SAME_VALUE(kResultOk, V3_OK);
SAME_VALUE(kResultTrue, V3_TRUE);
SAME_VALUE(kResultFalse, V3_FALSE);
SAME_VALUE(kInvalidArgument, V3_INVALID_ARG);
SAME_VALUE(kNotImplemented, V3_NOT_IMPLEMENTED);
SAME_VALUE(kInternalError, V3_INTERNAL_ERR);
SAME_VALUE(kAudio, V3_AUDIO);
SAME_VALUE(kInput, V3_INPUT);
SAME_VALUE(kOutput, V3_OUTPUT);
SAME_VALUE(kMain, V3_MAIN);
SAME_VALUE(kAux, V3_AUX);
SAME_VALUE(BusInfo::kDefaultActive, V3_DEFAULT_ACTIVE);
SAME_VALUE(SpeakerArr::kMono, V3_SPEAKER_M);
SAME_VALUE(SpeakerArr::kStereo, (V3_SPEAKER_L | V3_SPEAKER_R));
SAME_VALUE(kSample32, V3_SAMPLE_32);
SAME_VALUE(kSample64, V3_SAMPLE_64);
SAME_VALUE(kRealtime, V3_REALTIME);
SAME_VALUE(kPrefetch, V3_PREFETCH);
SAME_VALUE(kOffline, V3_OFFLINE);
SAME_VALUE(ParameterInfo::kCanAutomate, V3_PARAM_CAN_AUTOMATE);
SAME_VALUE(ParameterInfo::kIsReadOnly, V3_PARAM_READ_ONLY);
SAME_VALUE(ParameterInfo::kIsList, V3_PARAM_IS_LIST);
SAME_VALUE(ParameterInfo::kIsBypass, V3_PARAM_IS_BYPASS);
SAME_VALUE(kParamValuesChanged, V3_RESTART_PARAM_VALUES_CHANGED);

SAME_SIZE(PFactoryInfo, v3_factory_info);
SAME_FIELD(PFactoryInfo, vendor, v3_factory_info, vendor);
SAME_FIELD(PFactoryInfo, url, v3_factory_info, url);
SAME_FIELD(PFactoryInfo, email, v3_factory_info, email);
SAME_FIELD(PFactoryInfo, flags, v3_factory_info, flags);

SAME_SIZE(PClassInfo, v3_class_info);
SAME_FIELD(PClassInfo, cid, v3_class_info, class_id);
SAME_FIELD(PClassInfo, cardinality, v3_class_info, cardinality);
SAME_FIELD(PClassInfo, category, v3_class_info, category);
SAME_FIELD(PClassInfo, name, v3_class_info, name);

SAME_SIZE(PClassInfo2, v3_class_info_2);
SAME_FIELD(PClassInfo2, cid, v3_class_info_2, class_id);
SAME_FIELD(PClassInfo2, cardinality, v3_class_info_2, cardinality);
SAME_FIELD(PClassInfo2, category, v3_class_info_2, category);
SAME_FIELD(PClassInfo2, name, v3_class_info_2, name);
SAME_FIELD(PClassInfo2, classFlags, v3_class_info_2, class_flags);
SAME_FIELD(PClassInfo2, subCategories, v3_class_info_2, sub_categories);
SAME_FIELD(PClassInfo2, vendor, v3_class_info_2, vendor);
SAME_FIELD(PClassInfo2, version, v3_class_info_2, version);
SAME_FIELD(PClassInfo2, sdkVersion, v3_class_info_2, sdk_version);

SAME_SIZE(BusInfo, v3_bus_info);
SAME_FIELD(BusInfo, mediaType, v3_bus_info, media_type);
SAME_FIELD(BusInfo, direction, v3_bus_info, direction);
SAME_FIELD(BusInfo, channelCount, v3_bus_info, channel_count);
SAME_FIELD(BusInfo, name, v3_bus_info, bus_name);
SAME_FIELD(BusInfo, busType, v3_bus_info, bus_type);
SAME_FIELD(BusInfo, flags, v3_bus_info, flags);

SAME_SIZE(ProcessSetup, v3_process_setup);
SAME_FIELD(ProcessSetup, processMode, v3_process_setup, process_mode);
SAME_FIELD(ProcessSetup, symbolicSampleSize, v3_process_setup, symbolic_sample_size);
SAME_FIELD(ProcessSetup, maxSamplesPerBlock, v3_process_setup, max_block_size);
SAME_FIELD(ProcessSetup, sampleRate, v3_process_setup, sample_rate);

SAME_SIZE(AudioBusBuffers, v3_audio_bus_buffers);
SAME_FIELD(AudioBusBuffers, numChannels, v3_audio_bus_buffers, num_channels);
SAME_FIELD(AudioBusBuffers, silenceFlags, v3_audio_bus_buffers, channel_silence_bitset);
SAME_FIELD(AudioBusBuffers, channelBuffers32, v3_audio_bus_buffers, channel_buffers_32);
SAME_FIELD(AudioBusBuffers, channelBuffers64, v3_audio_bus_buffers, channel_buffers_64);

SAME_SIZE(ProcessData, v3_process_data);
SAME_FIELD(ProcessData, processMode, v3_process_data, process_mode);
SAME_FIELD(ProcessData, symbolicSampleSize, v3_process_data, symbolic_sample_size);
SAME_FIELD(ProcessData, numSamples, v3_process_data, nframes);
SAME_FIELD(ProcessData, numInputs, v3_process_data, num_input_buses);
SAME_FIELD(ProcessData, numOutputs, v3_process_data, num_output_buses);
SAME_FIELD(ProcessData, inputs, v3_process_data, inputs);
SAME_FIELD(ProcessData, outputs, v3_process_data, outputs);
SAME_FIELD(ProcessData, inputParameterChanges, v3_process_data, input_params);
SAME_FIELD(ProcessData, outputParameterChanges, v3_process_data, output_params);
SAME_FIELD(ProcessData, inputEvents, v3_process_data, input_events);
SAME_FIELD(ProcessData, outputEvents, v3_process_data, output_events);
SAME_FIELD(ProcessData, processContext, v3_process_data, ctx);

SAME_SIZE(ParameterInfo, v3_param_info);
SAME_FIELD(ParameterInfo, id, v3_param_info, param_id);
SAME_FIELD(ParameterInfo, title, v3_param_info, title);
SAME_FIELD(ParameterInfo, shortTitle, v3_param_info, short_title);
SAME_FIELD(ParameterInfo, units, v3_param_info, units);
SAME_FIELD(ParameterInfo, stepCount, v3_param_info, step_count);
SAME_FIELD(ParameterInfo, defaultNormalizedValue, v3_param_info, default_normalised_value);
SAME_FIELD(ParameterInfo, unitId, v3_param_info, unit_id);
SAME_FIELD(ParameterInfo, flags, v3_param_info, flags);

constexpr bool same_id(const ours::FUID& id, const v3_tuid& other) {
  for (int i = 0; i < 16; ++i) {
    if (static_cast<unsigned char>(id.data[i]) != other[i]) return false;
  }
  return true;
}
#define SAME_ID(type, other) static_assert(same_id(ours::type::iid, other##_iid))
// A table of theirs lacks what its base has: `base` methods.
#define SAME_METHOD(type, method, other, other_method, base)                                       \
  expect(                                                                                          \
      place_in_table(&ours::type::method) == base + offsetof(other, other_method) / sizeof(void*), \
      #type "::" #method)

int main() {
  SAME_ID(FUnknown, v3_funknown);
  SAME_METHOD(FUnknown, queryInterface, v3_funknown, query_interface, 0);
  SAME_METHOD(FUnknown, addRef, v3_funknown, ref, 0);
  SAME_METHOD(FUnknown, release, v3_funknown, unref, 0);

  SAME_ID(IBStream, v3_bstream);
  SAME_METHOD(IBStream, read, v3_bstream, read, 3);
  SAME_METHOD(IBStream, write, v3_bstream, write, 3);
  SAME_METHOD(IBStream, seek, v3_bstream, seek, 3);
  SAME_METHOD(IBStream, tell, v3_bstream, tell, 3);

  SAME_ID(IPluginFactory, v3_plugin_factory);
  SAME_METHOD(IPluginFactory, getFactoryInfo, v3_plugin_factory, get_factory_info, 3);
  SAME_METHOD(IPluginFactory, countClasses, v3_plugin_factory, num_classes, 3);
  SAME_METHOD(IPluginFactory, getClassInfo, v3_plugin_factory, get_class_info, 3);
  SAME_METHOD(IPluginFactory, createInstance, v3_plugin_factory, create_instance, 3);

  SAME_ID(IPluginFactory2, v3_plugin_factory_2);
  SAME_METHOD(IPluginFactory2, getClassInfo2, v3_plugin_factory_2, get_class_info_2, 7);

  SAME_ID(IPluginBase, v3_plugin_base);
  SAME_METHOD(IPluginBase, initialize, v3_plugin_base, initialize, 3);
  SAME_METHOD(IPluginBase, terminate, v3_plugin_base, terminate, 3);

  SAME_ID(IComponent, v3_component);
  SAME_METHOD(IComponent, getControllerClassId, v3_component, get_controller_class_id, 5);
  SAME_METHOD(IComponent, setIoMode, v3_component, set_io_mode, 5);
  SAME_METHOD(IComponent, getBusCount, v3_component, get_bus_count, 5);
  SAME_METHOD(IComponent, getBusInfo, v3_component, get_bus_info, 5);
  SAME_METHOD(IComponent, getRoutingInfo, v3_component, get_routing_info, 5);
  SAME_METHOD(IComponent, activateBus, v3_component, activate_bus, 5);
  SAME_METHOD(IComponent, setActive, v3_component, set_active, 5);
  SAME_METHOD(IComponent, setState, v3_component, set_state, 5);
  SAME_METHOD(IComponent, getState, v3_component, get_state, 5);

  SAME_ID(IParamValueQueue, v3_param_value_queue);
  SAME_METHOD(IParamValueQueue, getParameterId, v3_param_value_queue, get_param_id, 3);
  SAME_METHOD(IParamValueQueue, getPointCount, v3_param_value_queue, get_point_count, 3);
  SAME_METHOD(IParamValueQueue, getPoint, v3_param_value_queue, get_point, 3);
  SAME_METHOD(IParamValueQueue, addPoint, v3_param_value_queue, add_point, 3);

  SAME_ID(IParameterChanges, v3_param_changes);
  SAME_METHOD(IParameterChanges, getParameterCount, v3_param_changes, get_param_count, 3);
  SAME_METHOD(IParameterChanges, getParameterData, v3_param_changes, get_param_data, 3);
  SAME_METHOD(IParameterChanges, addParameterData, v3_param_changes, add_param_data, 3);

  SAME_ID(IAudioProcessor, v3_audio_processor);
  SAME_METHOD(IAudioProcessor, setBusArrangements, v3_audio_processor, set_bus_arrangements, 3);
  SAME_METHOD(IAudioProcessor, getBusArrangement, v3_audio_processor, get_bus_arrangement, 3);
  SAME_METHOD(IAudioProcessor, canProcessSampleSize, v3_audio_processor, can_process_sample_size,
              3);
  SAME_METHOD(IAudioProcessor, getLatencySamples, v3_audio_processor, get_latency_samples, 3);
  SAME_METHOD(IAudioProcessor, setupProcessing, v3_audio_processor, setup_processing, 3);
  SAME_METHOD(IAudioProcessor, setProcessing, v3_audio_processor, set_processing, 3);
  SAME_METHOD(IAudioProcessor, process, v3_audio_processor, process, 3);
  SAME_METHOD(IAudioProcessor, getTailSamples, v3_audio_processor, get_tail_samples, 3);

  SAME_ID(IProcessContextRequirements, v3_process_context_requirements);
  SAME_METHOD(IProcessContextRequirements, getProcessContextRequirements,
              v3_process_context_requirements, get_process_context_requirements, 3);

  SAME_ID(IComponentHandler, v3_component_handler);
  SAME_METHOD(IComponentHandler, beginEdit, v3_component_handler, begin_edit, 3);
  SAME_METHOD(IComponentHandler, performEdit, v3_component_handler, perform_edit, 3);
  SAME_METHOD(IComponentHandler, endEdit, v3_component_handler, end_edit, 3);
  SAME_METHOD(IComponentHandler, restartComponent, v3_component_handler, restart_component, 3);

  SAME_ID(IEditController, v3_edit_controller);
  SAME_METHOD(IEditController, setComponentState, v3_edit_controller, set_component_state, 5);
  SAME_METHOD(IEditController, setState, v3_edit_controller, set_state, 5);
  SAME_METHOD(IEditController, getState, v3_edit_controller, get_state, 5);
  SAME_METHOD(IEditController, getParameterCount, v3_edit_controller, get_parameter_count, 5);
  SAME_METHOD(IEditController, getParameterInfo, v3_edit_controller, get_parameter_info, 5);
  SAME_METHOD(IEditController, getParamStringByValue, v3_edit_controller,
              get_parameter_string_for_value, 5);
  SAME_METHOD(IEditController, getParamValueByString, v3_edit_controller,
              get_parameter_value_for_string, 5);
  SAME_METHOD(IEditController, normalizedParamToPlain, v3_edit_controller,
              normalised_parameter_to_plain, 5);
  SAME_METHOD(IEditController, plainParamToNormalized, v3_edit_controller,
              plain_parameter_to_normalised, 5);
  SAME_METHOD(IEditController, getParamNormalized, v3_edit_controller, get_parameter_normalised, 5);
  SAME_METHOD(IEditController, setParamNormalized, v3_edit_controller, set_parameter_normalised, 5);
  SAME_METHOD(IEditController, setComponentHandler, v3_edit_controller, set_component_handler, 5);
  SAME_METHOD(IEditController, createView, v3_edit_controller, create_view, 5);

  return failures == 0 ? 0 : 1;
}
