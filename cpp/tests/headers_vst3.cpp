// Our VST3 declarations beside those of Steinberg's SDK (pluginterfaces): numbers and layouts when
// this compiles, the order of methods when it runs.
#include <cstddef>
#include <string_view>

#include "headers_alike.h"
#include "plugin/vst3/vst3_layout.h"

// In the SDK this name is a macro.
constexpr std::string_view kOurEffectClass = unbraid::plugin::vst3::kVstAudioEffectClass;

#include <pluginterfaces/base/ibstream.h>
#include <pluginterfaces/base/ipluginbase.h>
#include <pluginterfaces/vst/ivstaudioprocessor.h>
#include <pluginterfaces/vst/ivstcomponent.h>
#include <pluginterfaces/vst/ivsteditcontroller.h>
#include <pluginterfaces/vst/ivstparameterchanges.h>
#include <pluginterfaces/vst/vstspeaker.h>

namespace ours = unbraid::plugin::vst3;
namespace theirs {
using namespace Steinberg;
using namespace Steinberg::Vst;
}  // namespace theirs

#define SAME_SIZE(type)                                       \
  static_assert(sizeof(ours::type) == sizeof(theirs::type) && \
                alignof(ours::type) == alignof(theirs::type))
#define SAME_FIELD(type, field)                                                 \
  static_assert(offsetof(ours::type, field) == offsetof(theirs::type, field) && \
                sizeof(ours::type::field) == sizeof(theirs::type::field))
#define SAME_VALUE(name)                                       \
  static_assert(static_cast<unsigned long long>(ours::name) == \
                static_cast<unsigned long long>(theirs::name))

SAME_SIZE(TBool);
SAME_SIZE(TChar);
SAME_SIZE(String128);
SAME_SIZE(TUID);
SAME_SIZE(tresult);
SAME_SIZE(ParamID);
SAME_SIZE(ParamValue);
SAME_SIZE(UnitID);
SAME_SIZE(SampleRate);
SAME_SIZE(MediaType);
SAME_SIZE(BusDirection);
SAME_SIZE(BusType);
SAME_SIZE(IoMode);
SAME_SIZE(SpeakerArrangement);

SAME_VALUE(kNoInterface);
SAME_VALUE(kResultOk);
SAME_VALUE(kResultTrue);
SAME_VALUE(kResultFalse);
SAME_VALUE(kInvalidArgument);
SAME_VALUE(kNotImplemented);
SAME_VALUE(kInternalError);

SAME_SIZE(PFactoryInfo);
SAME_FIELD(PFactoryInfo, vendor);
SAME_FIELD(PFactoryInfo, url);
SAME_FIELD(PFactoryInfo, email);
SAME_FIELD(PFactoryInfo, flags);
SAME_VALUE(PFactoryInfo::kUnicode);
SAME_SIZE(PClassInfo);
SAME_FIELD(PClassInfo, cid);
SAME_FIELD(PClassInfo, cardinality);
SAME_FIELD(PClassInfo, category);
SAME_FIELD(PClassInfo, name);
SAME_VALUE(PClassInfo::kManyInstances);
SAME_SIZE(PClassInfo2);
SAME_FIELD(PClassInfo2, cid);
SAME_FIELD(PClassInfo2, cardinality);
SAME_FIELD(PClassInfo2, category);
SAME_FIELD(PClassInfo2, name);
SAME_FIELD(PClassInfo2, classFlags);
SAME_FIELD(PClassInfo2, subCategories);
SAME_FIELD(PClassInfo2, vendor);
SAME_FIELD(PClassInfo2, version);
SAME_FIELD(PClassInfo2, sdkVersion);
static_assert(kOurEffectClass == kVstAudioEffectClass);

SAME_VALUE(kAudio);
SAME_VALUE(kInput);
SAME_VALUE(kOutput);
SAME_VALUE(kMain);
SAME_VALUE(kAux);
SAME_SIZE(BusInfo);
SAME_FIELD(BusInfo, mediaType);
SAME_FIELD(BusInfo, direction);
SAME_FIELD(BusInfo, channelCount);
SAME_FIELD(BusInfo, name);
SAME_FIELD(BusInfo, busType);
SAME_FIELD(BusInfo, flags);
SAME_VALUE(BusInfo::kDefaultActive);

SAME_VALUE(SpeakerArr::kEmpty);
SAME_VALUE(SpeakerArr::kMono);
SAME_VALUE(SpeakerArr::kStereo);
SAME_VALUE(kSample32);
SAME_VALUE(kSample64);
SAME_VALUE(kRealtime);
SAME_VALUE(kPrefetch);
SAME_VALUE(kOffline);
SAME_SIZE(ProcessSetup);
SAME_FIELD(ProcessSetup, processMode);
SAME_FIELD(ProcessSetup, symbolicSampleSize);
SAME_FIELD(ProcessSetup, maxSamplesPerBlock);
SAME_FIELD(ProcessSetup, sampleRate);
SAME_SIZE(AudioBusBuffers);
SAME_FIELD(AudioBusBuffers, numChannels);
SAME_FIELD(AudioBusBuffers, silenceFlags);
SAME_FIELD(AudioBusBuffers, channelBuffers32);
SAME_FIELD(AudioBusBuffers, channelBuffers64);
SAME_SIZE(ProcessData);
SAME_FIELD(ProcessData, processMode);
SAME_FIELD(ProcessData, symbolicSampleSize);
SAME_FIELD(ProcessData, numSamples);
SAME_FIELD(ProcessData, numInputs);
SAME_FIELD(ProcessData, numOutputs);
SAME_FIELD(ProcessData, inputs);
SAME_FIELD(ProcessData, outputs);
SAME_FIELD(ProcessData, inputParameterChanges);
SAME_FIELD(ProcessData, outputParameterChanges);
SAME_FIELD(ProcessData, inputEvents);
SAME_FIELD(ProcessData, outputEvents);
SAME_FIELD(ProcessData, processContext);

SAME_SIZE(ParameterInfo);
SAME_FIELD(ParameterInfo, id);
SAME_FIELD(ParameterInfo, title);
SAME_FIELD(ParameterInfo, shortTitle);
SAME_FIELD(ParameterInfo, units);
SAME_FIELD(ParameterInfo, stepCount);
SAME_FIELD(ParameterInfo, defaultNormalizedValue);
SAME_FIELD(ParameterInfo, unitId);
SAME_FIELD(ParameterInfo, flags);
SAME_VALUE(ParameterInfo::kCanAutomate);
SAME_VALUE(ParameterInfo::kIsReadOnly);
SAME_VALUE(ParameterInfo::kIsList);
SAME_VALUE(ParameterInfo::kIsBypass);
SAME_VALUE(kParamValuesChanged);

constexpr bool same_id(const ours::FUID& id, const theirs::TUID& other) {
  for (int i = 0; i < 16; ++i) {
    if (id.data[i] != other[i]) return false;
  }
  return true;
}
#define SAME_ID(type) static_assert(same_id(ours::type::iid, theirs::type##_iid))
#define SAME_METHOD(type, method)                                                         \
  static_assert(                                                                          \
      alike_functions<decltype(&ours::type::method), decltype(&theirs::type::method)>()); \
  expect(place_in_table(&ours::type::method) == place_in_table(&theirs::type::method),    \
         #type "::" #method)

int main() {
  SAME_ID(FUnknown);
  SAME_METHOD(FUnknown, queryInterface);
  SAME_METHOD(FUnknown, addRef);
  SAME_METHOD(FUnknown, release);

  SAME_ID(IBStream);
  SAME_METHOD(IBStream, queryInterface);
  SAME_METHOD(IBStream, read);
  SAME_METHOD(IBStream, write);
  SAME_METHOD(IBStream, seek);
  SAME_METHOD(IBStream, tell);

  SAME_ID(IPluginFactory);
  SAME_METHOD(IPluginFactory, queryInterface);
  SAME_METHOD(IPluginFactory, getFactoryInfo);
  SAME_METHOD(IPluginFactory, countClasses);
  SAME_METHOD(IPluginFactory, getClassInfo);
  SAME_METHOD(IPluginFactory, createInstance);

  SAME_ID(IPluginFactory2);
  SAME_METHOD(IPluginFactory2, getFactoryInfo);
  SAME_METHOD(IPluginFactory2, getClassInfo2);

  SAME_ID(IPluginBase);
  SAME_METHOD(IPluginBase, initialize);
  SAME_METHOD(IPluginBase, terminate);

  SAME_ID(IComponent);
  SAME_METHOD(IComponent, initialize);
  SAME_METHOD(IComponent, terminate);
  SAME_METHOD(IComponent, getControllerClassId);
  SAME_METHOD(IComponent, setIoMode);
  SAME_METHOD(IComponent, getBusCount);
  SAME_METHOD(IComponent, getBusInfo);
  SAME_METHOD(IComponent, getRoutingInfo);
  SAME_METHOD(IComponent, activateBus);
  SAME_METHOD(IComponent, setActive);
  SAME_METHOD(IComponent, setState);
  SAME_METHOD(IComponent, getState);

  SAME_ID(IParamValueQueue);
  SAME_METHOD(IParamValueQueue, getParameterId);
  SAME_METHOD(IParamValueQueue, getPointCount);
  SAME_METHOD(IParamValueQueue, getPoint);
  SAME_METHOD(IParamValueQueue, addPoint);

  SAME_ID(IParameterChanges);
  SAME_METHOD(IParameterChanges, getParameterCount);
  SAME_METHOD(IParameterChanges, getParameterData);
  SAME_METHOD(IParameterChanges, addParameterData);

  SAME_ID(IAudioProcessor);
  SAME_METHOD(IAudioProcessor, setBusArrangements);
  SAME_METHOD(IAudioProcessor, getBusArrangement);
  SAME_METHOD(IAudioProcessor, canProcessSampleSize);
  SAME_METHOD(IAudioProcessor, getLatencySamples);
  SAME_METHOD(IAudioProcessor, setupProcessing);
  SAME_METHOD(IAudioProcessor, setProcessing);
  SAME_METHOD(IAudioProcessor, process);
  SAME_METHOD(IAudioProcessor, getTailSamples);

  SAME_ID(IProcessContextRequirements);
  SAME_METHOD(IProcessContextRequirements, getProcessContextRequirements);

  SAME_ID(IComponentHandler);
  SAME_METHOD(IComponentHandler, beginEdit);
  SAME_METHOD(IComponentHandler, performEdit);
  SAME_METHOD(IComponentHandler, endEdit);
  SAME_METHOD(IComponentHandler, restartComponent);

  SAME_ID(IEditController);
  SAME_METHOD(IEditController, initialize);
  SAME_METHOD(IEditController, terminate);
  SAME_METHOD(IEditController, setComponentState);
  SAME_METHOD(IEditController, setState);
  SAME_METHOD(IEditController, getState);
  SAME_METHOD(IEditController, getParameterCount);
  SAME_METHOD(IEditController, getParameterInfo);
  SAME_METHOD(IEditController, getParamStringByValue);
  SAME_METHOD(IEditController, getParamValueByString);
  SAME_METHOD(IEditController, normalizedParamToPlain);
  SAME_METHOD(IEditController, plainParamToNormalized);
  SAME_METHOD(IEditController, getParamNormalized);
  SAME_METHOD(IEditController, setParamNormalized);
  SAME_METHOD(IEditController, setComponentHandler);
  SAME_METHOD(IEditController, createView);

  return failures == 0 ? 0 : 1;
}
