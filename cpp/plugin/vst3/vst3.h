#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "plugin/engine.h"
#include "plugin/vst3/vst3_abi.h"

namespace unbraid::plugin::vst3 {

using FUnknownPrivate::iidEqual;

/// VST3's values go from 0 to 1.
inline double normalized(const Parameter& parameter, int step) {
  return parameter.steps > 0 ? static_cast<double>(step) / parameter.steps : 0.0;
}

/// The engine as a VST3 plug-in: component, processor and controller are one object, so that a
/// state saved right after a parameter was set holds the new value.
class Plugin final : public IComponent,
                     public IAudioProcessor,
                     public IEditController,
                     public IProcessContextRequirements {
 public:
  Plugin();

  // FUnknown, IPluginBase
  tresult PLUGIN_API queryInterface(const TUID id, void** object) override;
  uint32 PLUGIN_API addRef() override { return ++references_; }
  uint32 PLUGIN_API release() override;
  tresult PLUGIN_API initialize(FUnknown*) override { return kResultOk; }
  tresult PLUGIN_API terminate() override;

  // IComponent
  tresult PLUGIN_API getControllerClassId(TUID) override { return kNotImplemented; }
  tresult PLUGIN_API setIoMode(IoMode) override { return kNotImplemented; }
  int32 PLUGIN_API getBusCount(MediaType type, BusDirection direction) override;
  tresult PLUGIN_API getBusInfo(MediaType type, BusDirection direction, int32 index,
                                BusInfo& info) override;
  tresult PLUGIN_API getRoutingInfo(RoutingInfo&, RoutingInfo&) override { return kNotImplemented; }
  tresult PLUGIN_API activateBus(MediaType type, BusDirection direction, int32 index,
                                 TBool state) override;
  tresult PLUGIN_API setActive(TBool state) override;
  tresult PLUGIN_API setState(IBStream* state) override;  // the controller's as well
  tresult PLUGIN_API getState(IBStream* state) override;

  // IAudioProcessor
  tresult PLUGIN_API setBusArrangements(SpeakerArrangement* inputs, int32 numIns,
                                        SpeakerArrangement* outputs, int32 numOuts) override;
  tresult PLUGIN_API getBusArrangement(BusDirection direction, int32 index,
                                       SpeakerArrangement& arrangement) override;
  tresult PLUGIN_API canProcessSampleSize(int32 sample_size) override;
  uint32 PLUGIN_API getLatencySamples() override;
  tresult PLUGIN_API setupProcessing(ProcessSetup& setup) override;
  tresult PLUGIN_API setProcessing(TBool) override { return kResultOk; }
  tresult PLUGIN_API process(ProcessData& data) override;
  uint32 PLUGIN_API getTailSamples() override { return 0; }
  uint32 PLUGIN_API getProcessContextRequirements() override { return 0; }

  // IEditController
  /// Nothing to do: the component's state is this object's own.
  tresult PLUGIN_API setComponentState(IBStream*) override { return kResultOk; }
  int32 PLUGIN_API getParameterCount() override { return engine_.parameters().size(); }
  tresult PLUGIN_API getParameterInfo(int32 index, ParameterInfo& info) override;
  tresult PLUGIN_API getParamStringByValue(ParamID id, ParamValue value, String128 text) override;
  tresult PLUGIN_API getParamValueByString(ParamID id, TChar* text, ParamValue& value) override;
  ParamValue PLUGIN_API normalizedParamToPlain(ParamID id, ParamValue value) override;
  ParamValue PLUGIN_API plainParamToNormalized(ParamID id, ParamValue plain) override;
  ParamValue PLUGIN_API getParamNormalized(ParamID id) override;
  tresult PLUGIN_API setParamNormalized(ParamID id, ParamValue value) override;
  tresult PLUGIN_API setComponentHandler(IComponentHandler* handler) override;
  IPlugView* PLUGIN_API createView(FIDString) override { return nullptr; }

 private:
  /// How far process() has come in one parameter's changes.
  struct Cursor {
    IParamValueQueue* queue;
    int parameter;
    int32 next;
    int32 count;
  };

  ~Plugin() = default;  // by release()
  bool is_stem_bus(MediaType type, BusDirection direction, int32 index) const;
  Setup wanted_setup() const;
  tresult read_state(IBStream& state);
  tresult write_state(IBStream& state) const;
  void tell_values_changed();
  void begin_changes(IParameterChanges* changes);
  int32 apply_changes(int32 position, int32 num_samples);
  void render(ProcessData& data, int32 start, int32 end);
  static void silence(ProcessData& data, int32 start, int32 end);
  void report_changes(IParameterChanges* changes);

  std::atomic<uint32> references_{1};
  Engine engine_;
  IComponentHandler* handler_ = nullptr;

  // As the host set them; setActive() hands them on.
  double sample_rate_ = 48000.0;
  int channels_ = 2;
  std::vector<bool> stem_bus_active_;
  std::vector<bool> stem_bus_empty_;  // has no channels, which is how some hosts turn a bus off

  std::vector<Cursor> cursors_;  // [parameters]
  std::size_t num_cursors_ = 0;
  std::vector<float*> stem_rows_;  // [stems * channels]
  bool offline_ = false;
};

}  // namespace unbraid::plugin::vst3
