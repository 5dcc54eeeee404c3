#include "plugin/parameters.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

using namespace unbraid::plugin;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const Parameters& usual() {
  static const Parameters parameters({"speech", "music", "noise"}, {"alpha", "beta"});
  return parameters;
}

}  // namespace

TEST_CASE("the order and the ids of parameters stay, or saved projects are lost") {
  struct Known {
    const char* key;
    std::uint32_t id;
    int steps;
    int initial;
  };
  const Known known[] = {
      {"speech_db", 0x3314aea2, kFaderSteps, kUnityStep},
      {"music_db", 0x250580f7, kFaderSteps, kUnityStep},
      {"noise_db", 0x7e43e5d8, kFaderSteps, kUnityStep},
      {"bypass", 0x5dcb1cad, 1, 0},
      {"solo", 0x69634b4a, 3, 0},
      {"model", 0x308b665a, 1, 0},
      {"status", 0x3a4b77ef, 4, 0},
  };
  const Parameters& parameters = usual();
  REQUIRE(parameters.size() == 7);
  for (int index = 0; index < parameters.size(); ++index) {
    CHECK(parameters[index].key == known[index].key);
    CHECK(parameters[index].id == known[index].id);
    CHECK(parameters[index].steps == known[index].steps);
    CHECK(parameters[index].initial == known[index].initial);
    CHECK(parameters.index_of(known[index].id) == index);
    CHECK(parameters.index_of_key(known[index].key) == index);
  }
  CHECK(parameters.num_stems() == 3);
  CHECK(parameters.bypass() == 3);
  CHECK(parameters.solo() == 4);
  CHECK(parameters.model() == 5);
  CHECK(parameters.status() == 6);
  CHECK(parameters.index_of(1) == -1);
  CHECK(parameters.index_of_key("vocals_db") == -1);
  CHECK(parameters.index_of_key("") == -1);
}

TEST_CASE("without a choice of models there is no parameter for it, and no id moves") {
  const Parameters parameters({"speech", "music", "noise"}, {"alpha"});
  CHECK(parameters.model() == -1);
  CHECK(parameters.size() == 6);
  for (int index = 0; index < parameters.size(); ++index) {
    CHECK(usual().index_of(parameters[index].id) == usual().index_of_key(parameters[index].key));
  }
}

TEST_CASE("ids differ, and leave the top bit to VST3's hosts") {
  std::vector<std::string> stems;
  for (int i = 0; i < 200; ++i) stems.push_back("stem" + std::to_string(i));
  const Parameters parameters(stems, {"alpha", "beta"});
  std::set<std::uint32_t> ids;
  for (int index = 0; index < parameters.size(); ++index) {
    ids.insert(parameters[index].id);
    CHECK(parameters[index].id < 0x80000000u);
  }
  CHECK(ids.size() == static_cast<std::size_t>(parameters.size()));
}

TEST_CASE("every step comes back from its text and from its value") {
  for (int index = 0; index < usual().size(); ++index) {
    const Parameter& parameter = usual()[index];
    for (int step = 0; step <= parameter.steps; ++step) {
      // The two lowest steps of a fader are the same value, and the lower one is meant.
      const bool silent = parameter.kind == Kind::kFader && step <= 1;
      const int expected = silent ? 0 : step;
      CAPTURE(parameter.key);
      CAPTURE(step);
      CHECK(parameter.parse(parameter.text(step)) == expected);
      CHECK(parameter.step_of(parameter.value_of(step)) == expected);
      CHECK(parameter.clamp(step) == step);
      // As a VST3 host keeps it, and as one that keeps floats does.
      const double normalized = static_cast<double>(step) / parameter.steps;
      CHECK(parameter.clamp(normalized * parameter.steps) == step);
      CHECK(parameter.clamp(static_cast<float>(normalized) * parameter.steps) == step);
    }
  }
}

TEST_CASE("a fader at its lowest is silent, whichever door set it") {
  const Parameter& fader = usual()[0];
  for (const char* text : {"-inf", "mute", "-inf dB", "-72", "-72.0", "-72,0 dB", " -72.00dB ",
                           "-72.1", "-1000", "-99999999999999999999"}) {
    CAPTURE(text);
    CHECK(fader.parse(text) == 0);
  }
  for (const double db : {-72.0, -72.00001, -100.0, -1e300, -kInfinity}) {
    CHECK(fader.step_of(db) == 0);
  }
  for (const double step : {-kInfinity, -1.0, 0.0, 0.4, kNan}) CHECK(fader.clamp(step) == 0);
  CHECK(fader.step_of(kNan) == 0);
  CHECK(linear_gain(0) == 0.0f);
  CHECK(linear_gain(1) == 0.0f);
  CHECK(linear_gain(2) > 0.0f);
  CHECK(fader.value_of(0) == -72.0);
  CHECK(fader.value_of(1) == -72.0);
}

TEST_CASE("gains are those of their decibels, and unity is exact") {
  CHECK(linear_gain(kUnityStep) == 1.0f);
  const Parameter& fader = usual()[0];
  CHECK(fader.value_of(kUnityStep) == 0.0);
  CHECK(fader.value_of(kFaderSteps) == 12.0);
  for (int step = 2; step <= kFaderSteps; ++step) {
    CHECK(linear_gain(step) == doctest::Approx(std::pow(10.0, fader.value_of(step) / 20.0)));
    CHECK(linear_gain(step) > linear_gain(step - 1));
  }
  CHECK(fader.clamp(1e9) == kFaderSteps);
  CHECK(fader.clamp(kInfinity) == kFaderSteps);
  CHECK(fader.step_of(13.0) == kFaderSteps);
  CHECK(fader.step_of(1e308) == kFaderSteps);
}

TEST_CASE("texts of faders") {
  const Parameter& fader = usual()[0];
  CHECK(fader.text(0) == "-inf");
  CHECK(fader.text(1) == "-72.0");
  CHECK(fader.text(kUnityStep) == "0.0");
  CHECK(fader.text(kUnityStep - 5) == "-0.5");
  CHECK(fader.text(kFaderSteps) == "12.0");
  CHECK(fader.text(-5) == "-inf");
  CHECK(fader.text(100000) == "12.0");
  CHECK(fader.parse("+2,5") == kUnityStep + 25);
  CHECK(fader.parse("-0.0") == kUnityStep);
  CHECK(fader.parse(".5 dB") == kUnityStep + 5);
  CHECK(fader.parse("100") == kFaderSteps);
  for (const char* text : {"", " ", "-", "+", ".", "dB", " dB", "loud", "1.2.3", "1,2,3", "--1",
                           "1e3", "0x10", "inf", "nan", "1 2", "\xff\xff"}) {
    CAPTURE(text);
    CHECK(fader.parse(text) == -1);
  }
}

TEST_CASE("choices know their own names only") {
  const Parameter& solo = usual()[usual().solo()];
  CHECK(solo.text(2) == "music");
  CHECK(solo.text(-1) == "none");
  CHECK(solo.text(99) == "noise");
  CHECK(solo.parse(" noise ") == 3);
  CHECK(solo.parse("Music") == -1);
  CHECK(solo.parse("3") == -1);
  CHECK(solo.parse("") == -1);
}

TEST_CASE("a state brings every value back but the status") {
  Values values(usual());
  for (int index = 0; index < usual().size(); ++index) {
    CHECK(values[index] == usual()[index].initial);
  }
  for (int step : {0, 2, 100, kUnityStep, kFaderSteps}) {
    values.set(0, step);
    values.set(1, kFaderSteps - step);
    values.set(usual().bypass(), 1);
    values.set(usual().solo(), 2);
    values.set(usual().model(), 1);
    values.set(usual().status(), 3);
    const std::string state = values.save(usual());
    Values restored(usual());
    REQUIRE(restored.restore(usual(), state));
    for (int index = 0; index < usual().status(); ++index) {
      CHECK(usual()[index].value_of(restored[index]) == usual()[index].value_of(values[index]));
    }
    CHECK(restored[usual().status()] == 0);
    CHECK(restored.save(usual()) == state);
  }
}

TEST_CASE("a state's form stays") {
  Values values(usual());
  values.set(1, kUnityStep - 123);
  values.set(2, 0);
  CHECK(values.save(usual()) ==
        "unbraid-state 1\nspeech_db=0.0\nmusic_db=-12.3\nnoise_db=-inf\nbypass=Off\nsolo=none\n"
        "model=alpha\n");
}

TEST_CASE("of a state what is known is taken, and the rest starts anew") {
  Values values(usual());
  values.set(2, 5);
  values.set(usual().status(), 2);
  REQUIRE(values.restore(usual(),
                         "unbraid-state 1\nvocals_db=-3.0\nmusic_db=-12.3\r\nspeech_db=loud\n"
                         "solo=vocals\n\n=\n=x\nbypass\nmodel=beta\nstatus=ready\nmodel=gone\n"
                         "bypass=On"));
  CHECK(values[0] == kUnityStep);
  CHECK(values[1] == kUnityStep - 123);
  CHECK(values[2] == kUnityStep);  // no line for it
  CHECK(values[usual().bypass()] == 1);
  CHECK(values[usual().solo()] == 0);
  CHECK(values[usual().model()] == 1);
  CHECK(values[usual().status()] == 2);
}

TEST_CASE("what is no state changes nothing") {
  Values values(usual());
  values.set(0, 7);
  const std::string zeros(100, '\0');
  for (const std::string& state :
       {std::string(), std::string("\n"), std::string("nonsense"), zeros,
        std::string("unbraid-state"), std::string("unbraid-state 2\nspeech_db=0.0\n"),
        std::string("unbraid-state 1 \nspeech_db=0.0\n"), std::string("speech_db=0.0\n")}) {
    CHECK_FALSE(values.restore(usual(), state));
    CHECK(values[0] == 7);
  }
}

TEST_CASE("any bytes after the first line are a state, if an empty one") {
  std::string bytes = "unbraid-state 1\n";
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  Values values(usual());
  CHECK(values.restore(usual(), bytes));
  CHECK(values.save(usual()) == Values(usual()).save(usual()));
}

TEST_CASE("a value is replaced only if it is still what it was") {
  Values values(usual());
  values.set(usual().model(), 1);
  values.replace(usual().model(), 0, 1);
  CHECK(values[usual().model()] == 1);
  values.replace(usual().model(), 1, 0);
  CHECK(values[usual().model()] == 0);
}
