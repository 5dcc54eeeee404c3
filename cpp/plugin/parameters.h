#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "unbraid/stream/gains.h"

namespace unbraid::plugin {

/// A fader has a step for each 0.1 dB from -72 to +12 dB and one more below, "-inf". Both of the
/// lowest are silent: hosts that take a fader's text for its value know a least finite one, and
/// setting it is to be as good as muting. Fewer than 1000 steps in all: more would make pedalboard
/// guess at the values between.
constexpr int kFaderSteps = 841;
constexpr int kUnityStep = 721;

float linear_gain(int step);  // of a fader; exactly 0 at steps 0 and 1, exactly 1 at kUnityStep

/// What the plug-in says of itself. The choices of the status parameter, in this order.
enum class Status { kReady, kNoModel, kNoRuntime, kModelFailed, kSampleRate };

enum class Kind { kFader, kBypass, kSolo, kModel, kStatus };

/// One parameter; its values are the whole numbers 0..steps.
struct Parameter {
  Kind kind;
  std::uint32_t id;  // from the key, so that a project finds it again whatever models are added
  std::string key;   // in saved states, LV2 symbols and Python
  std::string title;
  std::string unit;
  int steps;
  int initial;
  std::vector<std::string> choices;  // the values' names; none for faders

  std::string text(int step) const;
  /// The step that a text means; -1 if it means none.
  int parse(std::string_view text) const;
  int clamp(double step) const;

  /// The value in the parameter's own unit, as hosts show it: dB for faders (kFaderBottomDb for
  /// both silent steps), else the step.
  double value_of(int step) const;
  /// The nearest step; for a fader at or below kFaderBottomDb the lowest.
  int step_of(double value) const;
};

/// A fader per stem, then bypass, solo, the model if there is a choice, and the status.
class Parameters {
 public:
  Parameters(const std::vector<std::string>& stem_names,
             const std::vector<std::string>& model_names);

  int size() const { return static_cast<int>(all_.size()); }
  const Parameter& operator[](int index) const { return all_[index]; }
  int num_stems() const { return num_stems_; }  // the faders are parameters 0..num_stems-1
  int bypass() const { return num_stems_; }
  int solo() const { return num_stems_ + 1; }
  int model() const { return model_; }  // -1: no choice
  int status() const { return size() - 1; }
  int index_of(std::uint32_t id) const;          // -1: none
  int index_of_key(std::string_view key) const;  // -1: none

 private:
  std::vector<Parameter> all_;
  int num_stems_;
  int model_ = -1;
};

/// The parameters' values, shared by all threads.
class Values {
 public:
  explicit Values(const Parameters& parameters);

  int operator[](int index) const { return steps_[index].load(std::memory_order_relaxed); }
  void set(int index, int step) { steps_[index].store(step, std::memory_order_relaxed); }
  /// Sets it unless it is no longer `from`.
  void replace(int index, int from, int to) { steps_[index].compare_exchange_strong(from, to); }
  void copy_from(const Values& other);

  /// As text, a line per parameter: states survive stems and models that come and go.
  std::string save(const Parameters& parameters) const;
  /// False, and nothing changed, if that is no state of ours. Unknown lines are passed over,
  /// parameters without a line get their initial value.
  bool restore(const Parameters& parameters, std::string_view state);

 private:
  int size_;
  std::unique_ptr<std::atomic<int>[]> steps_;
};

}  // namespace unbraid::plugin
