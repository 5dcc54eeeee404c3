// A host may be wrong, or unlucky: nothing it hands over may crash the plug-in, and nothing thrown
// may reach it.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "../idle_object.h"
#include "engine_rig.h"
#include "plugin/clap/clap_abi.h"
#include "plugin/lv2/lv2_abi.h"
#include "plugin/vst3/vst3.h"

using namespace unbraid::plugin;

extern "C" const clap::clap_plugin_entry_t clap_entry;
extern "C" vst3::IPluginFactory* GetPluginFactory();
extern "C" const lv2::LV2_Descriptor* lv2_descriptor(std::uint32_t index);

namespace {

constexpr int kSize = 512;
constexpr double kValues[] = {0.0,
                              1.0,
                              -1.0,
                              0.5,
                              1e300,
                              -1e300,
                              std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN()};

struct WildQueue final : Idle<vst3::IParamValueQueue> {
  vst3::ParamID id = 0;
  vst3::ParamID PLUGIN_API getParameterId() override { return id; }
  vst3::int32 PLUGIN_API getPointCount() override { return 40; }
  vst3::tresult PLUGIN_API getPoint(vst3::int32 index, vst3::int32& offset,
                                    double& value) override {
    static const vst3::int32 offsets[] = {100, -5, 1 << 30, 3, kSize, INT32_MIN};
    offset = offsets[index % 6];
    value = kValues[index % 9];
    return index % 5 == 4 ? vst3::kResultFalse : vst3::kResultOk;
  }
  vst3::tresult PLUGIN_API addPoint(vst3::int32, double, vst3::int32&) override {
    throw std::runtime_error("of the host");
  }
};

struct WildChanges final : Idle<vst3::IParameterChanges> {
  std::vector<WildQueue> queues{20};
  vst3::int32 PLUGIN_API getParameterCount() override { return 1000; }
  vst3::IParamValueQueue* PLUGIN_API getParameterData(vst3::int32 index) override {
    return index % 3 == 2 ? nullptr : &queues[index % queues.size()];
  }
  vst3::IParamValueQueue* PLUGIN_API addParameterData(const vst3::ParamID&, vst3::int32&) override {
    return &queues[0];
  }
};

struct WildStream final : Idle<vst3::IBStream> {
  int mood = 0;
  vst3::tresult PLUGIN_API read(void* bytes, vst3::int32 size, vst3::int32* done) override {
    if (mood == 0) throw std::runtime_error("of the host");
    if (mood == 1) return *done = size * 1000, vst3::kResultOk;  // an endless one, that lies
    if (mood == 2) return *done = -1, vst3::kResultOk;
    static_cast<char*>(bytes)[0] = 'x';
    return *done = 1, vst3::kResultOk;  // an endless one
  }
  vst3::tresult PLUGIN_API write(void*, vst3::int32 size, vst3::int32* done) override {
    if (mood == 0) throw std::runtime_error("of the host");
    return *done = size - mood, vst3::kResultOk;
  }
  vst3::tresult PLUGIN_API seek(vst3::int64, vst3::int32, vst3::int64*) override { return 0; }
  vst3::tresult PLUGIN_API tell(vst3::int64*) override { return 0; }
};

/// Rows of samples, some of them missing.
struct Rows {
  explicit Rows(float value) : samples(kSize, value) {
    for (auto& row : all) row = samples.data();
  }
  Signal samples;
  float* all[2];
};

bool silent(const Signal& samples) {
  return std::all_of(samples.begin(), samples.end(), [](float sample) { return sample == 0.0f; });
}

template <typename T>
const T* extension(const clap::clap_plugin_t* plugin, const char* id) {
  return static_cast<const T*>(plugin->get_extension(plugin, id));
}

const clap::clap_plugin_t* make_clap(const clap::clap_host_t* host) {
  use_models("models");
  const auto* factory = static_cast<const clap::clap_plugin_factory_t*>(
      clap_entry.get_factory(clap::CLAP_PLUGIN_FACTORY_ID));
  return factory->create_plugin(factory, host, "unbraid.unbraid");
}

}  // namespace

TEST_CASE("vst3: a factory asked for nonsense") {
  vst3::IPluginFactory* factory = GetPluginFactory();
  void* object = factory;
  CHECK(factory->queryInterface(vst3::IComponent::iid, &object) == vst3::kNoInterface);
  CHECK(object == nullptr);
  CHECK(factory->queryInterface(nullptr, &object) == vst3::kNoInterface);
  CHECK(factory->queryInterface(vst3::FUnknown::iid, nullptr) == vst3::kInvalidArgument);
  CHECK(factory->queryInterface(vst3::IPluginFactory2::iid, &object) == vst3::kResultOk);
  CHECK(object == factory);
  vst3::PClassInfo info;
  CHECK(factory->getClassInfo(-1, &info) == vst3::kInvalidArgument);
  CHECK(factory->getClassInfo(1, &info) == vst3::kInvalidArgument);
  CHECK(factory->getClassInfo(0, nullptr) == vst3::kInvalidArgument);
  REQUIRE(factory->getClassInfo(0, &info) == vst3::kResultOk);
  CHECK(factory->createInstance(nullptr, vst3::IComponent::iid, &object) == vst3::kInvalidArgument);
  CHECK(factory->createInstance(vst3::IComponent::iid, vst3::IComponent::iid, &object) ==
        vst3::kInvalidArgument);
  CHECK(factory->createInstance(info.cid, vst3::IBStream::iid, &object) == vst3::kNoInterface);
  CHECK(object == nullptr);
}

TEST_CASE("vst3: wild changes, buffers and streams") {
  use_models("models");
  auto* plugin = new vst3::Plugin;
  CHECK(plugin->queryInterface(nullptr, nullptr) == vst3::kInvalidArgument);
  CHECK(plugin->setBusArrangements(nullptr, 1, nullptr, 1) == vst3::kResultFalse);
  vst3::BusInfo bus;
  for (const int index : {-1, 4, 1000}) {
    CHECK(plugin->getBusInfo(vst3::kAudio, vst3::kOutput, index, bus) == vst3::kInvalidArgument);
    CHECK(plugin->activateBus(vst3::kAudio, vst3::kOutput, index, 1) == vst3::kInvalidArgument);
  }
  vst3::ParameterInfo info;
  CHECK(plugin->getParameterInfo(-1, info) == vst3::kInvalidArgument);
  CHECK(plugin->getParameterInfo(plugin->getParameterCount(), info) == vst3::kInvalidArgument);

  for (const double rate : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    vst3::ProcessSetup setup{0, vst3::kSample32, kSize, rate};
    CHECK(plugin->setupProcessing(setup) == vst3::kResultFalse);
  }
  vst3::ProcessSetup setup{0, vst3::kSample64, kSize, 48000.0};
  CHECK(plugin->setupProcessing(setup) == vst3::kResultFalse);
  setup.symbolicSampleSize = vst3::kSample32;
  CHECK(plugin->setupProcessing(setup) == vst3::kResultOk);

  WildChanges changes;
  vst3::int32 num_parameters = plugin->getParameterCount();
  for (int i = 0; i < 20; ++i) {
    plugin->getParameterInfo(i % num_parameters, info);
    changes.queues[i].id = i < num_parameters ? info.id : i;
  }
  for (const bool active : {false, true}) {
    plugin->setActive(active);
    for (const int size : {kSize, 0, -1}) {
      for (int missing = 0; missing < 6; ++missing) {
        Rows in(0.5f), out(0.5f);
        if (missing == 1) in.all[1] = nullptr;
        if (missing == 2) out.all[1] = nullptr;
        vst3::AudioBusBuffers input{2, 0, {in.all}}, outputs[9] = {};
        for (auto& output : outputs) output = {2, 0, {out.all}};
        if (missing == 3) input.channelBuffers32 = nullptr;
        if (missing == 4) outputs[0].channelBuffers32 = outputs[2].channelBuffers32 = nullptr;
        if (missing == 5) outputs[0].numChannels = -3;
        vst3::ProcessData data{vst3::kOffline, vst3::kSample32, size,    1,       9,       &input,
                               outputs,        &changes,        nullptr, nullptr, nullptr, nullptr};
        CHECK(plugin->process(data) == vst3::kResultOk);
        if (missing == 1 && size > 0) CHECK(silent(out.samples));
        data.inputs = nullptr;
        CHECK(plugin->process(data) == vst3::kResultOk);
        data.outputs = nullptr;
        CHECK(plugin->process(data) == vst3::kResultOk);
        data.symbolicSampleSize = vst3::kSample64;
        CHECK(plugin->process(data) == vst3::kInvalidArgument);
      }
    }
  }

  WildStream stream;
  for (stream.mood = 0; stream.mood < 4; ++stream.mood) {
    CAPTURE(stream.mood);
    CHECK(plugin->setState(&stream) != vst3::kResultOk);
    CHECK(plugin->getState(&stream) == vst3::kInternalError);
  }
  CHECK(plugin->setState(nullptr) == vst3::kInvalidArgument);
  CHECK(plugin->getState(nullptr) == vst3::kInvalidArgument);

  vst3::String128 text;
  for (vst3::int32 index = 0; index < num_parameters; ++index) {
    plugin->getParameterInfo(index, info);
    for (const double value : kValues) {
      CHECK(plugin->setParamNormalized(info.id, value) == vst3::kResultOk);
      const double kept = plugin->getParamNormalized(info.id);
      CHECK((kept >= 0.0 && kept <= 1.0));
      CHECK(plugin->getParamStringByValue(info.id, value, text) == vst3::kResultOk);
      CHECK(std::isfinite(plugin->normalizedParamToPlain(info.id, value)));
      CHECK(std::isfinite(plugin->plainParamToNormalized(info.id, value)));
    }
    double value;
    CHECK(plugin->getParamStringByValue(info.id, 0.0, nullptr) == vst3::kInvalidArgument);
    CHECK(plugin->getParamValueByString(info.id, nullptr, value) == vst3::kInvalidArgument);
    vst3::TChar endless[300];
    std::fill_n(endless, 300, vst3::TChar{0xD800});
    CHECK(plugin->getParamValueByString(info.id, endless, value) == vst3::kResultFalse);
  }
  plugin->terminate();
  plugin->release();
}

TEST_CASE("vst3: what a host throws does not come back to it") {
  use_models("models");
  auto* plugin = new vst3::Plugin;
  vst3::ProcessSetup setup{0, vst3::kSample32, kSize, 4000.0};  // a rate that is no rate of ours
  plugin->setupProcessing(setup);
  plugin->setActive(1);
  WildChanges changes;
  Rows rows(0.1f);
  vst3::AudioBusBuffers input{2, 0, {rows.all}}, output{2, 0, {rows.all}};
  vst3::ProcessData data{0,       vst3::kSample32, kSize,    1,       1,       &input,
                         &output, nullptr,         &changes, nullptr, nullptr, nullptr};
  plugin->setupProcessing(setup = {0, vst3::kSample32, kSize, 48000.0});
  plugin->setParamNormalized(0, 0.5);
  // The status has changed since the host was told, so that it is called.
  CHECK(plugin->process(data) != vst3::kNoInterface);
  plugin->terminate();
  plugin->release();
}

TEST_CASE("clap: asked for nonsense") {
  CHECK(clap_entry.get_factory(nullptr) == nullptr);
  CHECK(clap_entry.get_factory("clap.nonsense") == nullptr);
  const auto* factory = static_cast<const clap::clap_plugin_factory_t*>(
      clap_entry.get_factory(clap::CLAP_PLUGIN_FACTORY_ID));
  CHECK(factory->get_plugin_descriptor(factory, 1) == nullptr);
  CHECK(factory->create_plugin(factory, nullptr, nullptr) == nullptr);
  CHECK(factory->create_plugin(factory, nullptr, "unbraid") == nullptr);
}

TEST_CASE("clap: a host of nothing but null, wild events, buffers and streams") {
  const clap::clap_host_t nothing{};
  for (const clap::clap_host_t* host : {static_cast<const clap::clap_host_t*>(nullptr), &nothing}) {
    const clap::clap_plugin_t* plugin = make_clap(host);
    REQUIRE(plugin);
    REQUIRE(plugin->init(plugin));
    CHECK(plugin->get_extension(plugin, nullptr) == nullptr);
    const auto* params = extension<clap::clap_plugin_params_t>(plugin, clap::CLAP_EXT_PARAMS);
    std::vector<clap::clap_id> ids{0, clap::CLAP_INVALID_ID};
    clap::clap_param_info_t info;
    for (std::uint32_t i = 0; params->get_info(plugin, i, &info); ++i) ids.push_back(info.id);
    CHECK_FALSE(params->get_info(plugin, UINT32_MAX, &info));

    struct Events {
      std::vector<clap::clap_event_param_value_t> events;
      clap::clap_input_events_t list{
          this,
          [](const clap::clap_input_events_t* list) {
            return static_cast<std::uint32_t>(static_cast<Events*>(list->ctx)->events.size() + 2);
          },
          [](const clap::clap_input_events_t* list, std::uint32_t index) {
            auto& events = static_cast<Events*>(list->ctx)->events;
            return index < events.size()
                       ? const_cast<const clap::clap_event_header_t*>(&events[index].header)
                       : nullptr;
          }};
    } events;
    const std::uint32_t times[] = {100, 3, 1 << 30, kSize, UINT32_MAX, 0};
    for (std::size_t i = 0; i < 9 * ids.size(); ++i) {
      clap::clap_event_param_value_t event{};
      event.header = {sizeof event, times[i % 6], 0, clap::CLAP_EVENT_PARAM_VALUE, 0};
      event.param_id = ids[i % ids.size()];
      event.value = kValues[i / ids.size()];
      if (i % 11 == 5) event.header.size = sizeof event.header;  // it says that it ends there
      if (i % 13 == 7) event.header.space_id = 7;
      events.events.push_back(event);
    }
    const clap::clap_output_events_t no_events{};

    for (const bool active : {false, true}) {
      if (active) REQUIRE(plugin->activate(plugin, 48000.0, 1, kSize));
      for (int missing = 0; missing < 5; ++missing) {
        Rows in(0.5f), out(0.5f);
        if (missing == 1) in.all[0] = nullptr;
        if (missing == 2) out.all[1] = nullptr;
        clap::clap_audio_buffer_t input{in.all, nullptr, 2, 0, 0}, outputs[9];
        for (auto& output : outputs) output = {out.all, nullptr, 2, 0, 0};
        if (missing == 3) input.data32 = nullptr;
        if (missing == 4) outputs[0].data32 = outputs[3].data32 = nullptr;
        clap::clap_process_t process{-1, kSize, nullptr,      &input,    outputs,
                                     1,  9,     &events.list, &no_events};
        CHECK(plugin->process(plugin, &process) == clap::CLAP_PROCESS_CONTINUE);
        if (missing == 1) CHECK(silent(out.samples));
        process.frames_count = 0;
        process.audio_inputs = nullptr;
        CHECK(plugin->process(plugin, &process) == clap::CLAP_PROCESS_CONTINUE);
        process.audio_outputs = nullptr;
        process.in_events = nullptr;
        process.out_events = nullptr;
        process.frames_count = kSize;
        CHECK(plugin->process(plugin, &process) == clap::CLAP_PROCESS_CONTINUE);
      }
      params->flush(plugin, &events.list, &no_events);
      params->flush(plugin, nullptr, nullptr);
      plugin->on_main_thread(plugin);
    }
    for (const clap::clap_id id : ids) {
      double value = 0.0;
      char text[3];
      params->get_value(plugin, id, &value);
      CHECK(std::isfinite(value));
      for (const double wild : kValues) params->value_to_text(plugin, id, wild, text, sizeof text);
      CHECK_FALSE(params->value_to_text(plugin, id, 0.0, nullptr, 10));
      CHECK_FALSE(params->value_to_text(plugin, id, 0.0, text, 0));
      CHECK_FALSE(params->text_to_value(plugin, id, nullptr, &value));
    }

    const auto* state = extension<clap::clap_plugin_state_t>(plugin, clap::CLAP_EXT_STATE);
    const clap::clap_istream_t throwing{
        nullptr, [](const clap::clap_istream_t*, void*, std::uint64_t) -> std::int64_t {
          throw std::runtime_error("of the host");
        }};
    const clap::clap_istream_t lying{
        nullptr, [](const clap::clap_istream_t*, void*, std::uint64_t) { return INT64_MAX; }};
    CHECK_FALSE(state->load(plugin, &throwing));
    CHECK_FALSE(state->load(plugin, &lying));
    const clap::clap_ostream_t full{nullptr, [](const clap::clap_ostream_t*, const void*,
                                                std::uint64_t) { return std::int64_t{0}; }};
    const clap::clap_ostream_t generous{
        nullptr, [](const clap::clap_ostream_t*, const void*, std::uint64_t) { return INT64_MAX; }};
    CHECK_FALSE(state->save(plugin, &full));
    CHECK(state->save(plugin, &generous));
    plugin->destroy(plugin);
  }
}

TEST_CASE("lv2: ports that are not connected, and wild controls") {
  use_models("models");
  CHECK(lv2_descriptor(2) == nullptr);
  CHECK(lv2_descriptor(UINT32_MAX) == nullptr);
  for (const std::uint32_t index : {0u, 1u}) {
    const lv2::LV2_Descriptor* descriptor = lv2_descriptor(index);
    CHECK(descriptor->extension_data(nullptr) == nullptr);
    lv2::LV2_Handle plugin = descriptor->instantiate(descriptor, 48000.0, nullptr, nullptr);
    REQUIRE(plugin);
    descriptor->run(plugin, kSize);
    descriptor->activate(plugin);
    descriptor->run(plugin, kSize);
    Signal samples(kSize, 0.1f);
    float control = 0.0f;
    for (std::uint32_t port = 0; port < 100; ++port) {
      descriptor->connect_port(plugin, port, port < 4 ? samples.data() : &control);
    }
    if (index == 1) {  // one channel in, one out: ports 2 and 3 are controls
      for (const std::uint32_t port : {2u, 3u}) descriptor->connect_port(plugin, port, &control);
    }
    for (const double value : kValues) {
      control = static_cast<float>(value);
      descriptor->run(plugin, kSize);
      descriptor->run(plugin, 0);
    }
    descriptor->deactivate(plugin);
    descriptor->cleanup(plugin);
  }
}
