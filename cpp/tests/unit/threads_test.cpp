// For ThreadSanitizer, though they fail without it as well if a model is lost or freed twice.
#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <thread>

#include "engine_rig.h"
#include "run_hook.h"

using namespace unbraid::plugin;

TEST_CASE("threads: in an offline render both threads choose models") {
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
