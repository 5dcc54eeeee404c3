#include "plugin/engine.h"
#include "plugin/entry.h"
#include "plugin/lv2/lv2_abi.h"
#include "plugin/lv2/lv2_ports.h"

namespace unbraid::plugin::lv2 {
namespace {

class Plugin {
 public:
  Plugin(double sample_rate, int channels)
      : engine_(stem_names()),
        ports_(channels, engine_.parameters()),
        latency_(engine_.latency_samples(sample_rate)),
        data_(ports_.count()) {
    engine_.configure({sample_rate, channels, false});
  }

  void connect(std::uint32_t port, void* data) {
    if (port < data_.size()) data_[port] = static_cast<float*>(data);
  }

  void activate() {
    read_controls();  // a start is no change: nothing is to fade
    engine_.activate();
  }
  void deactivate() { engine_.deactivate(); }

  void run(std::uint32_t num_samples) {
    read_controls();
    const float* input[kMaxPluginChannels] = {};
    float* output[kMaxPluginChannels] = {};
    for (int channel = 0; channel < ports_.channels; ++channel) {
      input[channel] = data_[channel];
      output[channel] = data_[ports_.output() + channel];
      if (num_samples > 0 && (!input[channel] || !output[channel])) return;
    }
    if (engine_.active()) engine_.process(input, output, nullptr, num_samples);
    write_control(ports_.control() + engine_.parameters().status(),
                  static_cast<float>(engine_.value(engine_.parameters().status())));
    write_control(ports_.latency(), static_cast<float>(latency_));
  }

 private:
  void read_controls() {
    const Parameters& parameters = engine_.parameters();
    for (int index = 0; index < parameters.size(); ++index) {
      const float* control = data_[ports_.control() + index];
      if (!control) continue;
      const Parameter& parameter = parameters[index];
      const bool enabled = *control > 0.0f;
      engine_.set_value(index,
                        parameter.kind == Kind::kBypass ? !enabled : parameter.step_of(*control));
    }
  }

  void write_control(int port, float value) {
    if (data_[port]) *data_[port] = value;
  }

  Engine engine_;
  Ports ports_;
  int latency_;
  std::vector<float*> data_;  // [ports], where the host keeps them
};

template <int Index>
LV2_Handle instantiate(const LV2_Descriptor*, double sample_rate, const char*,
                       const LV2_Feature* const*) {
  return guarded<LV2_Handle>(nullptr, [&] { return new Plugin(sample_rate, kChannels[Index]); });
}

Plugin& plugin(LV2_Handle instance) { return *static_cast<Plugin*>(instance); }

constexpr LV2_Descriptor describe(int index, decltype(LV2_Descriptor::instantiate) instantiate) {
  return {
      kUris[index],
      instantiate,
      [](LV2_Handle i, std::uint32_t port, void* data) { plugin(i).connect(port, data); },
      [](LV2_Handle i) { guarded([&] { plugin(i).activate(); }); },
      [](LV2_Handle i, std::uint32_t num_samples) { guarded([&] { plugin(i).run(num_samples); }); },
      [](LV2_Handle i) { plugin(i).deactivate(); },
      [](LV2_Handle i) { delete &plugin(i); },
      [](const char*) -> const void* { return nullptr; }};
}

const LV2_Descriptor kDescriptors[] = {describe(0, &instantiate<0>), describe(1, &instantiate<1>)};

}  // namespace
}  // namespace unbraid::plugin::lv2

extern "C" UNBRAID_EXPORT const unbraid::plugin::lv2::LV2_Descriptor* lv2_descriptor(
    std::uint32_t index) {
  return index < 2 ? &unbraid::plugin::lv2::kDescriptors[index] : nullptr;
}
