#include "plugin/model_switch.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "run_hook.h"
#include "test_models.h"

using namespace unbraid;
using namespace unbraid::plugin;

namespace {

const std::vector<std::string> kStems{"speech", "music", "noise"};
constexpr int kLatency = 1536;

std::unique_ptr<LoadedModel> loaded(const std::string& name, int index) {
  const InstalledModel installed{name, model_path(name), {}};
  return std::make_unique<LoadedModel>(installed, index, Setup{}, kLatency, kStems);
}

}  // namespace

TEST_CASE("a switch begins empty") {
  ModelSwitch models;
  CHECK(models.current() == nullptr);
  CHECK(models.newcomer() == nullptr);
  CHECK_FALSE(models.take_offer());
  models.settle();
  models.delete_retired();
}

TEST_CASE("an offer waits until it is taken, and listens until it is promoted") {
  const int before = loaded_models_alive();
  {
    ModelSwitch models;
    models.set(loaded("alpha", 0));
    models.offer(loaded("beta", 1));
    CHECK(models.current()->index() == 0);
    CHECK(models.newcomer() == nullptr);
    CHECK(models.take_offer());
    CHECK_FALSE(models.take_offer());
    CHECK(models.newcomer()->index() == 1);
    CHECK(models.heard() == 0);
    models.add_heard(100);
    models.add_heard(23);
    CHECK(models.heard() == 123);
    models.promote();
    CHECK(models.current()->index() == 1);
    CHECK(models.newcomer() == nullptr);
    // The old one lives until the main thread comes by.
    CHECK(loaded_models_alive() == before + 2);
    models.delete_retired();
    CHECK(loaded_models_alive() == before + 1);
    models.delete_retired();
    CHECK(loaded_models_alive() == before + 1);
  }
  CHECK(loaded_models_alive() == before);
}

TEST_CASE("a second offer waits while a newcomer listens, and replaces one that waits") {
  const int before = loaded_models_alive();
  ModelSwitch models;
  models.set(loaded("alpha", 0));
  models.offer(loaded("beta", 1));
  models.take_offer();
  models.offer(loaded("alpha", 2));
  CHECK_FALSE(models.take_offer());
  models.offer(loaded("alpha", 3));
  CHECK(loaded_models_alive() == before + 3);
  models.add_heard(50);
  models.promote();
  CHECK(models.take_offer());
  CHECK(models.newcomer()->index() == 3);
  CHECK(models.heard() == 0);
}

TEST_CASE("a rejected newcomer goes, and the one at work stays") {
  const int before = loaded_models_alive();
  ModelSwitch models;
  models.set(loaded("alpha", 0));
  for (int i = 1; i <= 3; ++i) {  // several retire before the main thread comes by
    models.offer(loaded("beta", i));
    models.take_offer();
    models.reject();
    CHECK(models.current()->index() == 0);
    CHECK(models.newcomer() == nullptr);
    CHECK(loaded_models_alive() == before + 1 + i);
  }
  models.delete_retired();
  CHECK(loaded_models_alive() == before + 1);
}

TEST_CASE("a newcomer takes over at once when the audio settles") {
  ModelSwitch models;
  models.offer(loaded("beta", 1));
  models.settle();  // not taken yet: it stays an offer
  CHECK(models.current() == nullptr);
  models.take_offer();
  models.settle();
  CHECK(models.current()->index() == 1);
  models.settle();
  CHECK(models.current()->index() == 1);
}

TEST_CASE("a new start drops everything, wherever it was") {
  const int before = loaded_models_alive();
  ModelSwitch models;
  models.set(loaded("alpha", 0));
  models.offer(loaded("beta", 1));
  models.take_offer();
  models.offer(loaded("beta", 2));
  models.promote();
  models.set(loaded("alpha", 3));
  CHECK(models.current()->index() == 3);
  CHECK(loaded_models_alive() == before + 1);
  models.set(nullptr);
  CHECK(models.current() == nullptr);
  CHECK(loaded_models_alive() == before);
}

TEST_CASE("a switch that ends deletes all it holds") {
  const int before = loaded_models_alive();
  {
    ModelSwitch models;
    models.set(loaded("alpha", 0));
    models.offer(loaded("beta", 1));
    models.take_offer();
    models.reject();
    models.offer(loaded("beta", 2));
    models.take_offer();
    models.offer(loaded("beta", 3));
    CHECK(loaded_models_alive() == before + 4);
  }
  CHECK(loaded_models_alive() == before);
}

TEST_CASE("a loaded model refuses to be what the plug-in cannot show") {
  const InstalledModel alpha{"alpha", model_path("alpha"), {}};
  CHECK_THROWS_AS(LoadedModel(alpha, 0, Setup{}, kLatency - 1, kStems), ModelError);
  CHECK_THROWS_AS(LoadedModel(alpha, 0, Setup{}, kLatency, {"speech", "music"}), ModelError);
  const InstalledModel broken{"broken", model_path("broken"), {}};
  CHECK_THROWS_AS(LoadedModel(broken, 0, Setup{}, kLatency, kStems), ModelError);
}

TEST_CASE("stems that a model lacks have no signal") {
  const InstalledModel alpha{"alpha", model_path("alpha"), {}};
  LoadedModel model(alpha, 0, {48000.0, 2, true}, kLatency, {"noise", "vocals", "speech", "music"});
  CHECK(model.model_stems() == 3);
  CHECK(model.stem(1, 0) == nullptr);
  for (const int stem : {0, 2, 3}) {
    for (const int channel : {0, 1}) CHECK(model.stem(stem, channel) != nullptr);
  }
}
