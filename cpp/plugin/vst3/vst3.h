#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "plugin/engine.h"
#include "plugin/vst3/vst3_abi.h"

namespace unbraid::plugin::vst3 {

/// VST3's values go from 0 to 1.
inline double normalized(const Parameter& parameter, int step) {
  return parameter.steps > 0 ? static_cast<double>(step) / parameter.steps : 0.0;
}

/// The engine as a VST3 plug-in: component, processor and controller are one object, so that a
/// state saved right after a parameter was set holds the new value.
class Plugin final : public Component,
                     public AudioProcessor,
                     public EditController,
                     public ProcessContextRequirements {
 public:
  Plugin();

  // Unknown, PluginBase
  Result queryInterface(const void* id, void** object) override;
  std::uint32_t addRef() override { return ++references_; }
  std::uint32_t release() override;
  Result initialize(Unknown*) override { return kOk; }
  Result terminate() override;

  // Component
  Result getControllerClassId(void*) override { return kNotImplemented; }
  Result setIoMode(std::int32_t) override { return kNotImplemented; }
  std::int32_t getBusCount(std::int32_t type, std::int32_t direction) override;
  Result getBusInfo(std::int32_t type, std::int32_t direction, std::int32_t index,
                    BusInfo& info) override;
  Result getRoutingInfo(RoutingInfo&, RoutingInfo&) override { return kNotImplemented; }
  Result activateBus(std::int32_t type, std::int32_t direction, std::int32_t index,
                     Bool state) override;
  Result setActive(Bool state) override;
  Result setState(Stream* state) override;  // the controller's as well
  Result getState(Stream* state) override;

  // AudioProcessor
  Result setBusArrangements(Arrangement* inputs, std::int32_t num_inputs, Arrangement* outputs,
                            std::int32_t num_outputs) override;
  Result getBusArrangement(std::int32_t direction, std::int32_t index,
                           Arrangement& arrangement) override;
  Result canProcessSampleSize(std::int32_t sample_size) override;
  std::uint32_t getLatencySamples() override;
  Result setupProcessing(ProcessSetup& setup) override;
  Result setProcessing(Bool) override { return kOk; }
  Result process(ProcessData& data) override;
  std::uint32_t getTailSamples() override { return 0; }
  std::uint32_t getProcessContextRequirements() override { return 0; }

  // EditController
  Result setComponentState(Stream*) override { return kOk; }  // it is this object's own
  std::int32_t getParameterCount() override { return engine_.parameters().size(); }
  Result getParameterInfo(std::int32_t index, ParameterInfo& info) override;
  Result getParamStringByValue(std::uint32_t id, double value, Char16* text) override;
  Result getParamValueByString(std::uint32_t id, Char16* text, double& value) override;
  double normalizedParamToPlain(std::uint32_t id, double value) override;
  double plainParamToNormalized(std::uint32_t id, double plain) override;
  double getParamNormalized(std::uint32_t id) override;
  Result setParamNormalized(std::uint32_t id, double value) override;
  Result setComponentHandler(ComponentHandler* handler) override;
  void* createView(const char*) override { return nullptr; }

 private:
  /// How far process() has come in one parameter's changes.
  struct Cursor {
    ParameterQueue* queue;
    int parameter;
    std::int32_t next;
    std::int32_t count;
  };

  ~Plugin() = default;  // by release()
  bool is_stem_bus(std::int32_t type, std::int32_t direction, std::int32_t index) const;
  Setup wanted_setup() const;
  void tell_values_changed();
  void begin_changes(ParameterChanges* changes);
  std::int32_t apply_changes(std::int32_t position, std::int32_t num_samples);
  void render(ProcessData& data, std::int32_t start, std::int32_t end);
  void report_changes(ParameterChanges* changes);

  std::atomic<std::uint32_t> references_{1};
  Engine engine_;
  ComponentHandler* handler_ = nullptr;

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
