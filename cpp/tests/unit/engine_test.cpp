#include "plugin/engine.h"

#include <doctest/doctest.h>

#include "engine_rig.h"
#include "run_hook.h"

using namespace unbraid;
using namespace unbraid::plugin;

namespace {

constexpr std::size_t kBefore = 20000, kAfter = 40000;
constexpr std::size_t kFade = 1024;  // as long as the engine waits beyond the latency, and fades

/// What an engine puts out that stays with one model.
const Signal& undisturbed() {
  static const Signal output = [] {
    EngineRig rig;
    rig.run(kBefore + kAfter + 5000);
    return rig.output;
  }();
  return output;
}

/// Keeps a model loaded, so that engines share its session, and knows which that is.
struct Session {
  explicit Session(const std::string& name)
      : model({name, model_path(name), {}}, 0, {48000.0, 1, false}, 100000,
              {"speech", "music", "noise"}),
        id(run_hook::last_session()) {}
  LoadedModel model;
  const void* id;
};

}  // namespace

TEST_CASE("without a model the audio passes through, late by what the usual one takes") {
  use_models("no such folder");
  Engine engine;
  CHECK(engine.parameters().model() == -1);
  CHECK(engine.stem_names() == std::vector<std::string>{"speech", "music", "noise"});
  CHECK(engine.latency_samples(48000.0) == 1536);
  engine.set_value(0, 0);  // no fader can have an effect
  engine.configure({48000.0, 1, false});
  engine.activate();
  const Signal input = noise(10000);
  Signal output = input;
  const float* in = output.data();
  float* out = output.data();
  engine.process(&in, &out, nullptr, output.size());
  CHECK(is_dry(output, 1536, 0, output.size()));
  CHECK(engine.value(engine.parameters().status()) == static_cast<int>(Status::kNoModel));
}

TEST_CASE("the latency is the slowest model's, so that choosing another shifts nothing") {
  EngineRig rig;
  CHECK(rig.latency() == 1536 + 2 * 768);
  CHECK(rig.engine->latency_samples(4000.0) == 0);
  CHECK(rig.engine->latency_samples(384000.0) == 0);
  for (const char* key : {"speech_db", "noise_db"}) rig.set(key, "-20.0");
  rig.engine->reset();
  rig.run(10000);
  const Signal input = noise(10000);
  for (std::size_t i = 0; i < 10000; ++i) {
    const float expected = i < 3072 ? 0.0f : 0.1f * input[i - 3072];
    REQUIRE(rig.output[i] == doctest::Approx(expected).epsilon(1e-4));
  }
}

TEST_CASE("the size of blocks changes no bit, nor does a new announcement of the same format") {
  for (const std::size_t block : {1u, 64u, 511u, 512u, 513u, 30000u}) {
    EngineRig rig;
    rig.run(10000, block);
    rig.engine->configure({48000.0, 1, false});
    rig.engine->activate();
    rig.run(20000, block);
    CHECK(same(rig.output, undisturbed(), 0, 30000));
  }
}

TEST_CASE("the audio goes over to a chosen model without a jump") {
  const int before = loaded_models_alive();
  EngineRig rig;
  rig.run(kBefore);
  rig.choose("beta");
  rig.run(kAfter);
  CHECK(rig.text("status") == "ready");
  CHECK(rig.text("model") == "beta");
  CHECK(rig.told().empty());
  const std::size_t start = kBefore + rig.latency() + kFade;
  CHECK(same(rig.output, undisturbed(), 0, start));
  CHECK_FALSE(same(rig.output, undisturbed(), start, start + kFade));
  // What is late in the same way has the same sound: the newcomer began to listen in mid-stream.
  EngineRig other("beta");
  other.run(kBefore + kAfter);
  double difference = 0.0, distance = 0.0;
  for (std::size_t i = start + 10 * kFade; i < rig.output.size(); ++i) {
    difference += std::abs(rig.output[i] - other.output[i]);
    distance += std::abs(undisturbed()[i] - other.output[i]);
  }
  CHECK(difference < 0.2 * distance);
  CHECK(loaded_models_alive() == before + 3);
  rig.engine->update_model();  // takes the old one away
  CHECK(loaded_models_alive() == before + 2);
}

TEST_CASE("choosing the model at work does nothing") {
  EngineRig rig;
  rig.run(kBefore);
  rig.choose("alpha");
  rig.run(kAfter);
  CHECK(same(rig.output, undisturbed(), 0, kBefore + kAfter));
}

TEST_CASE("a newcomer that fails while it listens is dropped, and nobody hears it") {
  const Session beta("beta");
  for (const std::size_t listening : {0u, 500u, 3000u}) {
    const int before = loaded_models_alive();
    EngineRig rig;
    rig.run(kBefore);
    rig.choose("beta");
    rig.run(listening);
    {
      const run_hook::Failing failing(beta.id);
      rig.run(2000);
    }
    CAPTURE(listening);
    CHECK(rig.text("model") == "alpha");
    CHECK(rig.text("status") == "ready");
    CHECK(rig.told() == std::vector<std::string>{"model=alpha"});
    CHECK(rig.told().empty());
    rig.run(kBefore + kAfter - rig.output.size());
    CHECK(same(rig.output, undisturbed(), 0, kBefore + kAfter));
    CHECK(loaded_models_alive() == before + 2);
    rig.engine->update_model();
    CHECK(loaded_models_alive() == before + 1);
    // It was a mishap: the next try is taken.
    rig.choose("beta");
    rig.run(kAfter);
    CHECK(rig.text("model") == "beta");
    CHECK(rig.told().empty());
  }
}

TEST_CASE("a newcomer that fails while it is faded in gives the audio back") {
  const Session beta("beta");
  EngineRig rig;
  rig.run(kBefore);
  rig.choose("beta");
  const std::size_t start = kBefore + rig.latency() + kFade;
  rig.run(start + kFade / 2 - kBefore);
  std::size_t failed;
  {
    const run_hook::Failing failing(beta.id);
    failed = rig.output.size() + 768;  // at the latest, with the next hop
    rig.run(768);
  }
  // A hop of 768 may just end outside the fade's other half of 512, and then it has taken over.
  if (rig.text("model") == "alpha") {
    rig.run(kBefore + kAfter - rig.output.size());
    CHECK(same(rig.output, undisturbed(), 0, start));
    CHECK(same(rig.output, undisturbed(), failed, kBefore + kAfter));
    CHECK(rig.text("status") == "ready");
  }
}

TEST_CASE("a host that does not take the news is told again") {
  const Session beta("beta");
  EngineRig rig;
  rig.choose("beta");
  {
    const run_hook::Failing failing(beta.id);
    rig.run(5000);
  }
  int calls = 0;
  for (int i = 0; i < 2; ++i) rig.engine->report_changes([&](int, int) { return ++calls, false; });
  CHECK(calls == 2);
  CHECK(rig.told().size() >= 1);
  CHECK(rig.told().empty());
}

TEST_CASE("a model that cannot be loaded is not taken") {
  EngineRig rig;
  rig.run(kBefore);
  rig.choose("broken");
  CHECK(rig.text("model") == "alpha");
  CHECK(rig.told() == std::vector<std::string>{"model=alpha"});
  rig.run(kAfter);
  CHECK(same(rig.output, undisturbed(), 0, kBefore + kAfter));
  CHECK(rig.text("status") == "ready");
}

TEST_CASE("a model that fails at work leaves the audio as it came, and as late") {
  const Session alpha("alpha");
  EngineRig rig;
  rig.run(kBefore);
  {
    const run_hook::Failing failing(alpha.id);
    rig.run(2000);
  }
  rig.run(8000);
  CHECK(rig.text("status") == "passing through: the model failed");
  CHECK(rig.told() == std::vector<std::string>{"status=passing through: the model failed"});
  CHECK(same(rig.output, undisturbed(), 0, kBefore));
  CHECK(is_dry(rig.output, rig.latency(), kBefore + 2000, rig.output.size()));
  // The next start is a new try.
  rig.engine->reset();
  CHECK(rig.text("status") == "ready");
  CHECK(rig.told() == std::vector<std::string>{"status=ready"});
  rig.output.clear();
  rig.run(kBefore);
  CHECK(same(rig.output, undisturbed(), 0, kBefore));
}

TEST_CASE("after a failure at work another model can be chosen") {
  const Session alpha("alpha");
  EngineRig rig;
  rig.run(1000);
  const run_hook::Failing failing(alpha.id);
  rig.run(2000);
  rig.choose("beta");
  rig.run(kAfter);
  CHECK(rig.text("status") == "ready");
  CHECK(rig.text("model") == "beta");
  CHECK_FALSE(is_dry(rig.output, rig.latency(), rig.output.size() - 5000, rig.output.size()));
}

TEST_CASE("back to the first model before the second has taken over") {
  EngineRig beta("beta");
  beta.run(kBefore + kAfter + 5000);
  const int before = loaded_models_alive();
  for (const std::size_t listening : {0u, 1000u, 5000u}) {
    EngineRig rig;
    rig.run(kBefore);
    rig.choose("beta");
    rig.run(listening);
    rig.choose("alpha");
    rig.run(kAfter);
    CHECK(rig.text("model") == "alpha");
    CHECK(rig.text("status") == "ready");
    CHECK(rig.told().empty());
    // Its frames lie elsewhere than before, so that only nearly the same comes out.
    double to_alpha = 0.0, to_beta = 0.0;
    for (std::size_t i = rig.output.size() - 10000; i < rig.output.size(); ++i) {
      to_alpha += std::abs(rig.output[i] - undisturbed()[i]);
      to_beta += std::abs(rig.output[i] - beta.output[i]);
    }
    CAPTURE(listening);
    CHECK(to_alpha < 0.5 * to_beta);
  }
  CHECK(loaded_models_alive() == before);
}

TEST_CASE("a start during a change goes on with the newest model") {
  EngineRig rig;
  rig.run(1000);
  rig.choose("beta");
  rig.run(1000);
  rig.engine->deactivate();
  rig.engine->activate();
  EngineRig other("beta");
  rig.output.clear();
  rig.run(10000);
  other.run(10000);
  CHECK(rig.output == other.output);
}

TEST_CASE("a state chooses a model, also in mid-stream") {
  EngineRig rig;
  rig.run(1000);
  EngineRig other("beta");
  REQUIRE(rig.engine->restore(other.engine->save()));
  rig.run(kAfter);
  CHECK(rig.text("model") == "beta");
  CHECK(rig.told().empty());
  CHECK_FALSE(rig.engine->restore("nonsense"));
  CHECK(rig.text("model") == "beta");
}

TEST_CASE("what is no audio does not stay") {
  EngineRig rig, clean;
  const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 0.0f};
  const float* in = bad;
  float out[6], *outs = out;
  rig.engine->process(&in, &outs, nullptr, 6);
  const float zeros[6] = {};
  in = zeros;
  clean.engine->process(&in, &outs, nullptr, 6);
  rig.run(10000);
  clean.run(10000);
  CHECK(rig.output == clean.output);
}
