#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "../platform.h"
#include "plugin/engine.h"
#include "test_models.h"

namespace unbraid::plugin {

using Signal = std::vector<float>;
constexpr std::size_t kRigBlock = 500;

/// Noise that is the same everywhere.
inline Signal noise(std::size_t length) {
  Signal signal(length);
  std::uint32_t seed = 1;
  for (float& sample : signal) {
    seed = seed * 1664525u + 1013904223u;
    sample = static_cast<float>(seed >> 8) / (1 << 23) - 1.0f;
  }
  return signal;
}

/// The folder where an engine made from now on finds its models.
inline void use_models(const std::string& folder) {
  set_variable("UNBRAID_PLUGIN_MODEL", {});
  set_variable("UNBRAID_MODELS", test_folder() / folder);
}

/// An engine at work on one channel, with the models of test_models.h.
struct EngineRig {
  explicit EngineRig(const std::string& model = "alpha") {
    use_models("models");
    engine = std::make_unique<Engine>();
    set("model", model);
    set("music_db", "-20.0");  // so that the models are told apart
    engine->configure({48000.0, 1, false});
    engine->activate();
  }

  int index(const std::string& key) const { return engine->parameters().index_of_key(key); }
  void set(const std::string& key, const std::string& text) {
    const int parameter = index(key);
    engine->set_value(parameter, engine->parameters()[parameter].parse(text));
  }
  std::string text(const std::string& key) const {
    return engine->parameters()[index(key)].text(engine->value(index(key)));
  }
  void choose(const std::string& model) {
    set("model", model);
    engine->update_model();
  }

  /// What the plug-in has to tell its host: "key=text".
  std::vector<std::string> told() {
    std::vector<std::string> changes;
    engine->report_changes([&](int parameter, int step) {
      const Parameter& changed = engine->parameters()[parameter];
      changes.push_back(changed.key + "=" + changed.text(step));
      return true;
    });
    return changes;
  }

  /// The next samples of noise() go in; what comes out is appended to `output`.
  void run(std::size_t num_samples, std::size_t block = kRigBlock) {
    static const Signal input = noise(200000);
    const std::size_t end = output.size() + num_samples;
    while (output.size() < end) {
      const std::size_t start = output.size(), count = std::min(block, end - start);
      output.resize(start + count);
      const float* in = input.data() + start;
      float* out = output.data() + start;
      engine->process(&in, &out, nullptr, count);
    }
  }
  int latency() const { return engine->latency_samples(48000.0); }

  std::unique_ptr<Engine> engine;
  Signal output;
};

/// Is `signal` the noise, late by `latency`, from `start` to `end`?
inline bool is_dry(const Signal& signal, int latency, std::size_t start, std::size_t end) {
  const Signal input = noise(end);
  for (std::size_t i = start; i < end; ++i) {
    const float expected = i < static_cast<std::size_t>(latency) ? 0.0f : input[i - latency];
    if (signal[i] != expected) return false;
  }
  return true;
}

inline bool same(const Signal& a, const Signal& b, std::size_t start, std::size_t end) {
  return std::equal(a.begin() + start, a.begin() + end, b.begin() + start);
}

}  // namespace unbraid::plugin
