// Proves that the plug-in's audio thread allocates nothing outside ONNX Runtime's run: in VST3 and
// CLAP, with automation, stems and a change of models in mid-stream.
// Usage: plugin_allocation_test, with UNBRAID_MODELS naming a folder with two models of one latency
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "allocations.h"
#include "idle_object.h"
#include "plugin/clap/clap_abi.h"
#include "plugin/vst3/vst3.h"

using namespace unbraid::plugin;

extern "C" const clap::clap_plugin_entry_t clap_entry;

namespace {

constexpr int kSignals = 2 + 2 * 3;  // remix and stems, in stereo

/// Room for one block.
struct Block {
  explicit Block(std::size_t num_samples) : size(num_samples) {
    rows.assign(2 + kSignals, std::vector<float>(size, 0.1f));
    for (auto& row : rows) pointers.push_back(row.data());
  }
  float** input() { return pointers.data(); }
  float** output(int bus) { return pointers.data() + 2 + 2 * bus; }

  std::size_t size;
  std::vector<std::vector<float>> rows;
  std::vector<float*> pointers;
};

constexpr std::size_t kSizes[] = {4096, 1, 64, 480, 512, 0, 777, 10000};

// CLAP

struct ClapEvents {
  std::vector<clap::clap_event_param_value_t> events;
  clap::clap_input_events_t list{
      this,
      [](const clap::clap_input_events_t* list) {
        return static_cast<std::uint32_t>(self(list).events.size());
      },
      [](const clap::clap_input_events_t* list, std::uint32_t index) {
        return const_cast<const clap::clap_event_header_t*>(&self(list).events[index].header);
      }};
  static ClapEvents& self(const clap::clap_input_events_t* list) {
    return *static_cast<ClapEvents*>(list->ctx);
  }
  void add(std::uint32_t time, std::uint32_t id, double value) {
    clap::clap_event_param_value_t event{};
    event.header = {sizeof event, time, clap::CLAP_CORE_EVENT_SPACE_ID,
                    clap::CLAP_EVENT_PARAM_VALUE, 0};
    event.param_id = id;
    event.value = value;
    events.push_back(event);
  }
};

std::size_t process_clap(const clap::clap_plugin_t* plugin, Block& block, ClapEvents& events) {
  clap::clap_audio_buffer_t input{block.input(), nullptr, 2, 0, 0};
  clap::clap_audio_buffer_t outputs[4];
  for (int bus = 0; bus < 4; ++bus) outputs[bus] = {block.output(bus), nullptr, 2, 0, 0};
  const clap::clap_output_events_t out{
      nullptr,
      [](const clap::clap_output_events_t*, const clap::clap_event_header_t*) { return true; }};
  const clap::clap_process_t process{
      0,   static_cast<std::uint32_t>(block.size), nullptr, &input, outputs, 1, 4, &events.list,
      &out};
  return count_allocations([&] { plugin->process(plugin, &process); });
}

void run_clap(const clap::clap_plugin_t* plugin, Block& block, ClapEvents& events,
              const std::string& what) {
  const std::size_t count = process_clap(plugin, block, events);
  check(count == 0, "clap " + what + ": " + std::to_string(count) + " allocations");
}

void test_clap() {
  static bool called_back = false;
  const clap::clap_host_t host{
      clap::CLAP_VERSION,
      nullptr,
      "",
      "",
      "",
      "",
      [](const clap::clap_host_t*, const char*) -> const void* { return nullptr; },
      [](const clap::clap_host_t*) {},
      [](const clap::clap_host_t*) {},
      [](const clap::clap_host_t*) { called_back = true; }};
  const auto* factory = static_cast<const clap::clap_plugin_factory_t*>(
      clap_entry.get_factory(clap::CLAP_PLUGIN_FACTORY_ID));
  const clap::clap_plugin_t* plugin =
      factory->create_plugin(factory, &host, factory->get_plugin_descriptor(factory, 0)->id);
  const auto* parameters = static_cast<const clap::clap_plugin_params_t*>(
      plugin->get_extension(plugin, clap::CLAP_EXT_PARAMS));
  const auto id_of = [&](const char* name) {
    clap::clap_param_info_t info;
    for (std::uint32_t i = 0; i < parameters->count(plugin); ++i) {
      if (parameters->get_info(plugin, i, &info) && !std::strcmp(info.name, name)) return info.id;
    }
    check(false, std::string("clap has a parameter ") + name);
    return clap::CLAP_INVALID_ID;
  };
  const auto* configs = static_cast<const clap::clap_plugin_audio_ports_config_t*>(
      plugin->get_extension(plugin, clap::CLAP_EXT_AUDIO_PORTS_CONFIG));
  check(configs->select(plugin, 2), "clap with stems");
  plugin->activate(plugin, 48000.0, 1, 65536);
  for (const std::size_t size : kSizes) {
    Block block(size);
    ClapEvents events;
    events.add(0, id_of("Music"), -12.0);
    events.add(static_cast<std::uint32_t>(size / 2), id_of("Speech"), 3.0);
    events.add(static_cast<std::uint32_t>(size), id_of("Solo"), 2.0);
    run_clap(plugin, block, events, std::to_string(size) + " samples");
  }
  check(count_allocations([&] { plugin->reset(plugin); }) == 0, "clap reset");

  Block block(4096);
  ClapEvents none, change;
  change.add(100, id_of("Model"), 1.0);
  run_clap(plugin, block, none, "before the change of models");
  run_clap(plugin, block, change, "asked for another model");
  check(called_back, "the main thread was called for");
  plugin->on_main_thread(plugin);
  for (int i = 0; i < 4; ++i) run_clap(plugin, block, none, "going over to it");
  plugin->on_main_thread(plugin);

  // The one block in which a run fails makes an exception, and that allocates; none after it does.
  fail_runs = true;
  process_clap(plugin, block, none);
  fail_runs = false;
  double status = 0.0;
  parameters->get_value(plugin, id_of("Status"), &status);
  check(status != 0.0, "a failing run is said");
  run_clap(plugin, block, none, "after a failing run");
  check(block.output(0)[0][4000] == block.input()[0][0], "after which the audio passes through");
  plugin->deactivate(plugin);
  plugin->destroy(plugin);
}

// VST3

struct Queue final : Idle<vst3::IParamValueQueue> {
  std::uint32_t id = 0;
  vst3::int32 offsets[2] = {};
  double values[2] = {};
  vst3::ParamID PLUGIN_API getParameterId() override { return id; }
  vst3::int32 PLUGIN_API getPointCount() override { return 2; }
  vst3::tresult PLUGIN_API getPoint(vst3::int32 index, vst3::int32& offset,
                                    double& value) override {
    offset = offsets[index];
    value = values[index];
    return vst3::kResultOk;
  }
  vst3::tresult PLUGIN_API addPoint(vst3::int32, double, vst3::int32&) override {
    return vst3::kResultOk;
  }
};

struct Changes final : Idle<vst3::IParameterChanges> {
  Queue queues[2];
  vst3::int32 PLUGIN_API getParameterCount() override { return 2; }
  vst3::IParamValueQueue* PLUGIN_API getParameterData(vst3::int32 index) override {
    return &queues[index];
  }
  vst3::IParamValueQueue* PLUGIN_API addParameterData(const vst3::ParamID&, vst3::int32&) override {
    return nullptr;
  }
};

void test_vst3() {
  auto* plugin = new vst3::Plugin;
  for (int bus = 1; bus <= 3; ++bus) plugin->activateBus(vst3::kAudio, vst3::kOutput, bus, 1);
  vst3::ProcessSetup setup{0, vst3::kSample32, 65536, 44100.0};
  plugin->setupProcessing(setup);
  plugin->setActive(1);
  for (const std::size_t size : kSizes) {
    Block block(size);
    Changes changes;
    for (int i = 0; i < 2; ++i) {
      vst3::ParameterInfo info;
      plugin->getParameterInfo(i, info);
      changes.queues[i].id = info.id;
      changes.queues[i].offsets[1] = static_cast<vst3::int32>(size) / (2 + i);
      changes.queues[i].values[0] = 0.5;
    }
    vst3::AudioBusBuffers input{2, 0, {block.input()}}, outputs[4];
    for (int bus = 0; bus < 4; ++bus) outputs[bus] = {2, 0, {block.output(bus)}};
    vst3::ProcessData data{0,
                           vst3::kSample32,
                           static_cast<vst3::int32>(size),
                           1,
                           4,
                           &input,
                           outputs,
                           &changes,
                           &changes,
                           nullptr,
                           nullptr,
                           nullptr};
    const std::size_t count = count_allocations([&] { plugin->process(data); });
    check(count == 0,
          "vst3 " + std::to_string(size) + " samples: " + std::to_string(count) + " allocations");
    if (size >= 4096) check(run_allocations > 0, "those inside the run were told apart");
  }
  // A start of a plug-in that is prepared only clears: hosts do it at every stop and go.
  plugin->setActive(0);
  check(count_allocations([&] { plugin->setActive(1); }) == 0, "vst3 starting again");
  plugin->terminate();
  plugin->release();
}

}  // namespace

int main() {
  test_vst3();
  test_clap();
  return failures == 0 ? 0 : 1;
}
