#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "plugin/installed_models.h"
#include "plugin/loaded_model.h"
#include "plugin/model_switch.h"
#include "plugin/parameters.h"
#include "unbraid/dsp/delay_line.h"

namespace unbraid::plugin {

/// The plug-in that VST3, CLAP and LV2 show each in its own words: parameters, the remix, stems.
///
/// Threads: process() belongs to the audio thread, and allocates, locks and asks the system nothing
/// outside ONNX Runtime's run. value() and set_value() may be called by any thread. All the rest
/// belongs to the main thread, and of that activate(), deactivate() and configure() never run
/// while process() does, which is what all three formats promise; reset() may also be the audio
/// thread's.
///
/// Without a model, or when the one at work fails, the audio passes through, as late as ever. A
/// chosen model that cannot be had, or that fails while the audio goes over to it, is not taken:
/// the one at work stays, and the host is told.
class Engine {
 public:
  Engine();
  /// With these stems' faders and no choice of models, whatever is installed: for hosts that read
  /// what there is from a file.
  explicit Engine(const std::vector<std::string>& stem_names);
  ~Engine();
  Engine(const Engine&) = delete;

  const Parameters& parameters() const { return parameters_; }
  const std::vector<std::string>& stem_names() const { return stem_names_; }

  /// The delay at a rate, known without loading anything: that of the slowest model, so that
  /// choosing another shifts nothing. 0 outside 8..192 kHz, where the audio passes straight.
  int latency_samples(double sample_rate) const;

  /// As the host shows it: what was set last, by whomever.
  int value(int index) const;
  /// What audio is to follow from the next hop on; gains are faded in there, so that events within
  /// a hop need no finer grid. Returns true if update_model() should be called on the main thread.
  bool set_value(int index, int step);
  /// What a host's window shows. While audio runs, the host sends the same again with the audio, at
  /// the right time; taking it from here as well would let a late echo undo automation.
  void show_value(int index, int step);
  std::string save() const { return shown_.save(parameters_); }
  bool restore(const std::string& state);

  const Setup& setup() const { return setup_; }
  bool active() const { return active_; }
  /// The format of all audio from now on. Keeps all it has heard if nothing changes: hosts announce
  /// a larger block in mid-stream with the same calls that a start begins with.
  void configure(const Setup& setup);
  /// Starts anew, unless it is active already.
  void activate();
  void deactivate() { active_ = false; }
  void reset();
  /// Loads the model that was chosen, if it is not the one at work; the audio goes over to it. The
  /// audio thread may call it, too, where nobody waits for the audio: in an offline render.
  void update_model();

  /// Calls tell(index, step) for each parameter that the plug-in itself has changed since the host
  /// was last told: the status, and a choice of model that was taken back. A `false` from tell is
  /// tried again the next time. One thread at a time, as with process().
  template <typename Tell>
  void report_changes(Tell tell);

  /// input[channels][num_samples] -> output; the same memory is allowed. stems: for each stem its
  /// channels, null where none is wanted; or null altogether.
  void process(const float* const* input, float* const* output, float* const* stems,
               std::size_t num_samples);

 private:
  /// stem_names: all of the models' if empty.
  Engine(std::vector<InstalledModel> models, std::vector<std::string> stem_names);

  void start();
  std::unique_ptr<LoadedModel> load(int index, Status& status) const;
  int chosen_model() const;
  void take_back_choice(int refused, int at_work);

  void process_block(float* const* output, float* const* stems, std::size_t offset,
                     std::size_t count);
  void write(const LoadedModel& model, float* const* output, float* const* stems,
             std::size_t offset, std::size_t count);
  void write_dry(float* const* output, float* const* stems, std::size_t offset, std::size_t count);
  void fade_in(const LoadedModel& newcomer, float* const* output, float* const* stems,
               std::size_t offset, std::size_t count);
  void read_gains();
  void promote_newcomer();
  void reject_newcomer();

  std::vector<InstalledModel> models_;
  std::vector<std::string> stem_names_;  // of all models
  Parameters parameters_;
  Values values_;  // what the audio follows
  Values shown_;   // what the host shows
  std::array<float, kFaderSteps + 1> linear_gains_{};

  Setup setup_;
  int latency_ = 0;
  bool configured_ = false;
  bool active_ = false;
  std::mutex update_mutex_;            // of update_model(); the audio path never takes it
  std::atomic<int> loaded_model_{-1};  // at work, or about to be
  std::atomic<Status> status_{Status::kReady};
  std::atomic<int> told_status_{0};  // what the host knows
  std::atomic<int> told_model_{0};

  std::vector<std::vector<float>> input_;  // [channels][kMaxBlock]
  std::vector<const float*> input_rows_;
  std::vector<DelayLine> dry_;  // [channels]: what goes out when nothing better does
  std::vector<float> gains_;    // [stem_names]
  ModelSwitch switch_;
  bool started_ = false;  // since the last reset
};

template <typename Tell>
void Engine::report_changes(Tell tell) {
  const auto report = [&](int index, std::atomic<int>& told) {
    if (index < 0) return;
    const int step = value(index);
    if (step != told && tell(index, step)) told = step;
  };
  report(parameters_.status(), told_status_);
  report(parameters_.model(), told_model_);
}

}  // namespace unbraid::plugin
