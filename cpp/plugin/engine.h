#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "delay_line.h"
#include "model_files.h"
#include "parameters.h"
#include "voice.h"

namespace unbraid::plugin {

/// The plug-in that VST3, CLAP and LV2 show each in its own words: parameters, the remix, stems.
///
/// Threads: process() belongs to the audio thread, and allocates, locks and asks the system nothing
/// outside ONNX Runtime's run. value() and set_value() may be called by any thread. All the rest
/// belongs to the main thread, and of that activate(), deactivate() and configure() never run
/// while process() does, which is what all three formats promise; reset() may also be the audio
/// thread's.
///
/// Without a model, or when one fails, the audio passes through, as late as ever.
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
  /// From now on so. Keeps all it has heard if nothing changes: hosts announce a larger block in
  /// mid-stream with the same calls that a start begins with.
  void configure(const Setup& setup);
  /// Starts anew, unless it runs already.
  void activate();
  void deactivate() { active_ = false; }
  void reset();
  /// Loads the model that was chosen, if it is not the one at work; the audio goes over to it.
  void update_model();

  /// input[channels][num_samples] -> output; the same memory is allowed. stems: for each stem its
  /// channels, null where none is wanted; or null altogether.
  void process(const float* const* input, float* const* output, float* const* stems,
               std::size_t num_samples);

 private:
  /// stem_names: all of the models' if empty.
  Engine(std::vector<ModelFile> models, std::vector<std::string> stem_names);

  void start();
  std::unique_ptr<Voice> load_voice();
  int chosen_model() const;
  void drop_retired();

  void process_block(float* const* output, float* const* stems, std::size_t offset,
                     std::size_t count);
  bool run(Voice& voice, std::size_t count);
  void write_voice(const Voice& voice, float* const* output, float* const* stems,
                   std::size_t offset, std::size_t count);
  void fade_in(const Voice& voice, float* const* output, float* const* stems, std::size_t offset,
               std::size_t count);
  void read_gains();
  void take_next_voice();
  void finish_model_change();

  std::vector<ModelFile> models_;
  std::vector<std::string> stem_names_;  // of all models
  Parameters parameters_;
  Values values_;  // what the audio follows
  Values shown_;   // what the host shows
  std::array<float, kFaderSteps + 1> linear_gains_;

  Setup setup_;
  int latency_ = 0;
  bool configured_ = false;
  bool active_ = false;
  int loaded_model_ = -1;  // at work, or about to be
  std::atomic<Status> status_{Status::kReady};

  std::vector<std::vector<float>> input_;  // [channels][kMaxBlock]
  std::vector<const float*> input_rows_;
  std::vector<DelayLine> dry_;  // [channels]: what goes out when nothing better does
  std::vector<float> gains_;    // [stem_names]
  std::unique_ptr<Voice> voice_;
  bool started_ = false;  // since the last reset
  bool failed_ = false;

  // A change of models in mid-stream: the new voice listens until its output is as late as it must
  // be, then fades in. The main thread hands it over in incoming_ and takes the old one back from
  // the list that begins at retired_.
  std::atomic<Voice*> incoming_{nullptr};
  std::atomic<Voice*> retired_{nullptr};
  std::unique_ptr<Voice> next_voice_;
  std::size_t next_voice_heard_ = 0;
};

}  // namespace unbraid::plugin
