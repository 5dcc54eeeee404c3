// For ThreadSanitizer, though they fail without it as well if a model is lost or freed twice.
#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <thread>

#include "../idle_object.h"
#include "engine_rig.h"
#include "plugin/vst3/vst3.h"
#include "run_hook.h"

using namespace unbraid::plugin;

namespace {

/// One change in a block.
struct OneChange final : Idle<vst3::IParameterChanges> {
  struct Queue final : Idle<vst3::IParamValueQueue> {
    vst3::ParamID id = 0;
    double value = 0.0;
    vst3::ParamID PLUGIN_API getParameterId() override { return id; }
    vst3::int32 PLUGIN_API getPointCount() override { return 1; }
    vst3::tresult PLUGIN_API getPoint(vst3::int32, vst3::int32& offset, double& to) override {
      return offset = 0, to = value, vst3::kResultOk;
    }
    vst3::tresult PLUGIN_API addPoint(vst3::int32, double, vst3::int32&) override { return 0; }
  };
  Queue queue;
  vst3::int32 PLUGIN_API getParameterCount() override { return 1; }
  vst3::IParamValueQueue* PLUGIN_API getParameterData(vst3::int32) override { return &queue; }
  vst3::IParamValueQueue* PLUGIN_API addParameterData(const vst3::ParamID&, vst3::int32&) override {
    return &queue;
  }
};

struct Memory final : Idle<vst3::IBStream> {
  std::string bytes;
  std::size_t at = 0;
  vst3::tresult PLUGIN_API read(void* to, vst3::int32 size, vst3::int32* done) override {
    *done = static_cast<vst3::int32>(bytes.copy(static_cast<char*>(to), size, at));
    return at += *done, vst3::kResultOk;
  }
  vst3::tresult PLUGIN_API write(void* from, vst3::int32 size, vst3::int32* done) override {
    bytes.append(static_cast<char*>(from), size);
    return *done = size, vst3::kResultOk;
  }
  vst3::tresult PLUGIN_API seek(vst3::int64, vst3::int32, vst3::int64*) override { return 0; }
  vst3::tresult PLUGIN_API tell(vst3::int64*) override { return 0; }
};

}  // namespace

TEST_CASE("threads: in an offline render both threads choose models") {
  {  // What the first engine leaves for good may be as large as a LoadedModel.
    EngineRig first;
    first.choose("beta");
    first.run(20000);
  }
  const int before = loaded_models_alive();
  {
    EngineRig rig;
    const int model = rig.index("model"), fader = rig.index("music_db");
    const int num_models = rig.engine->parameters()[model].steps + 1;
    std::atomic<bool> stop{false};
    std::thread audio([&] {
      std::mt19937 random(1);
      Signal block(512, 0.1f);
      for (int i = 0; i < 300; ++i) {
        const float* in = block.data();
        float* out = block.data();
        if (rig.engine->set_value(model, random() % num_models)) rig.engine->update_model();
        rig.engine->set_value(fader, random() % kFaderSteps);
        rig.engine->process(&in, &out, nullptr, 1 + random() % 512);
        rig.engine->report_changes([](int, int) { return true; });
      }
      stop = true;
    });
    std::mt19937 random(2);
    std::string state = rig.engine->save();
    while (!stop) {
      rig.engine->show_value(model, random() % num_models);
      rig.engine->update_model();
      rig.engine->value(fader);
      if (random() % 4 == 0) state = rig.engine->save();
      if (random() % 8 == 0) rig.engine->restore(state);
      std::this_thread::yield();
    }
    audio.join();
    // Whatever was chosen last can still be put to work.
    rig.choose("beta");
    rig.run(20000);
    CHECK(rig.text("model") == "beta");
    CHECK(rig.text("status") == "ready");
  }
  CHECK(loaded_models_alive() == before);
}

TEST_CASE("threads: models are offered and retired while the audio runs") {
  const int before = loaded_models_alive();
  {
    EngineRig rig;
    std::atomic<bool> stop{false};
    std::thread audio([&] {
      while (!stop) {
        rig.output.clear();
        rig.run(5000);
      }
    });
    for (int i = 0; i < 30; ++i) {
      rig.choose(i % 2 ? "alpha" : "beta");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    stop = true;
    audio.join();
  }
  CHECK(loaded_models_alive() == before);
}

TEST_CASE("threads: a window sets parameters of a VST3 that renders offline") {
  use_models("models");
  auto* plugin = new vst3::Plugin;
  vst3::ProcessSetup setup{vst3::kOffline, vst3::kSample32, 512, 48000.0};
  REQUIRE(plugin->setupProcessing(setup) == vst3::kResultOk);
  REQUIRE(plugin->setActive(1) == vst3::kResultOk);
  std::vector<vst3::ParamID> ids;
  for (int i = 0; i < plugin->getParameterCount(); ++i) {
    vst3::ParameterInfo info;
    plugin->getParameterInfo(i, info);
    ids.push_back(info.id);
  }
  std::atomic<bool> stop{false};
  bool finite = true;
  std::thread audio([&] {
    std::mt19937 random(1);
    std::vector<Signal> rows(2, Signal(512, 0.1f));
    float* pointers[] = {rows[0].data(), rows[1].data()};
    OneChange changes;
    for (int block = 0; block < 200; ++block) {
      changes.queue.id = ids[random() % ids.size()];
      changes.queue.value = (random() % 1001) / 1000.0;
      vst3::AudioBusBuffers bus{};
      bus.numChannels = 2;
      bus.channelBuffers32 = pointers;
      vst3::ProcessData data{};
      data.processMode = vst3::kOffline;
      data.symbolicSampleSize = vst3::kSample32;
      data.numSamples = 1 + random() % 512;
      data.numInputs = data.numOutputs = 1;
      data.inputs = data.outputs = &bus;
      data.inputParameterChanges = data.outputParameterChanges = &changes;
      plugin->process(data);
      for (const Signal& row : rows) {
        for (const float sample : row) finite = finite && std::isfinite(sample);
      }
    }
    stop = true;
  });
  std::mt19937 random(2);
  Memory saved;
  plugin->getState(&saved);
  while (!stop) {
    const vst3::ParamID id = ids[random() % ids.size()];
    plugin->setParamNormalized(id, (random() % 1001) / 1000.0);
    plugin->getParamNormalized(id);
    if (random() % 8 == 0) {
      saved.at = 0;
      CHECK(plugin->setState(&saved) == vst3::kResultOk);
    }
    std::this_thread::yield();
  }
  audio.join();
  CHECK(finite);
  plugin->setActive(0);
  plugin->terminate();
  plugin->release();
}
