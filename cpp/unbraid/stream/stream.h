#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "unbraid/dsp/level_normalizer.h"
#include "unbraid/dsp/stft.h"
#include "unbraid/model/mask_estimator.h"
#include "unbraid/stream/hops.h"

namespace unbraid {

constexpr int kMaxChannels = 8;

/// What it is given; throws std::invalid_argument unless 1..kMaxChannels.
int check_channels(int channels);

/// What separating and remixing share: blocks of any size in, hop by hop to spectra and masks, and
/// blocks of the same size out, `latency_samples()` later.
///
/// The contract of every stream:
/// - n samples in give n samples out, n >= 0, and no way of cutting a signal into blocks changes a
///   bit of the result. The delay is constant; flush() returns the last `latency_samples()`.
/// - The constructor and flush() allocate; process() does not, but for ONNX Runtime inside its run.
/// - reset() leaves the stream as the constructor did. Until then the states keep what a NaN did.
/// - One thread at a time per stream; streams share a Model.
class Stream {
 public:
  /// channels 1..8, sample_rate 8000..192000 Hz; else std::invalid_argument.
  Stream(const std::shared_ptr<const Model>& model, double sample_rate, int channels,
         int num_outputs);
  virtual ~Stream() = default;

  const Model& model() const { return estimator_.model(); }
  std::shared_ptr<const Model> shared_model() const { return estimator_.shared_model(); }
  double sample_rate() const { return sample_rate_; }
  int channels() const { return channels_; }
  int num_outputs() const { return num_outputs_; }  // signals per channel
  int win_length() const { return analysis_.win_length(); }
  int hop_length() const { return analysis_.hop_length(); }
  int latency_samples() const { return latency_samples_; }

  /// Makes room for the hops of blocks of that size to go through the network in as few runs as the
  /// model allows; what has been heard stays. Blocks of any size work without, hop by hop.
  /// Allocates if a larger block comes than before.
  void prepare(std::size_t max_block);

  /// mixture[channels][num_samples] -> outputs[num_outputs * channels][num_samples], one output's
  /// channels after the other's; an output may lie in the same memory as its channel of the
  /// mixture. Throws ort::Error if the model fails: its run, or what it takes for masks. The rest
  /// of the outputs is silence then, and it refuses to go on until reset().
  void process(const float* const* mixture, float* const* outputs, std::size_t num_samples);

  /// The tail: outputs[num_outputs * channels][latency_samples]. Then the stream is as new.
  void flush(float* const* outputs);
  virtual void reset();

  /// Lets the two halves of estimate() share its work, if the model has halves. Allocates.
  void halve();

  /// What process() does, in three steps for threads that take turns at them: while one renders
  /// some hops, another may estimate the next and a third hear those after them. Each step takes
  /// all hops in their order. hear() gives those that these samples make whole and keeps the rest;
  /// what render() makes of them begins a hop later than the outputs of process(), for it need not
  /// wait for the next samples. hear() allocates.
  std::vector<Hops> hear(const float* const* mixture, std::size_t num_samples);
  void estimate(Hops& hops);
  /// estimate() as two of these steps, where the model has halves; else all is the second's.
  void estimate_first_half(Hops& hops);
  void estimate_second_half(Hops& hops);
  /// outputs[num_outputs * channels][hops.size() * hop_length]
  void render(Hops& hops, float* const* outputs);

  /// By any thread: ends a run that does not end by itself, as one of a failing model.
  void interrupt() { estimator_.interrupt(); }
  void interrupt(Half half) { estimator_.interrupt(half); }
  /// Gives up what is under way: process() refuses to go on until reset().
  void abandon() { failed_ = true; }

 protected:
  /// One hop of masked spectra to `finished(output, channel)`, for all of them.
  /// spectrum(channel)[num_bins] belongs to the masks[num_stems][num_planes][model bins].
  virtual void render_hop(const float* masks) = 0;

  /// Every stem of the model to outputs first_output, first_output + 1, ...
  void render_stems(const float* masks, int first_output);

  const Stft& stft() const { return analysis_; }
  const Complex* spectrum(int channel) const { return rendered_->masked_spectrum(channel, hop_); }
  /// The mixture as late as the outputs: [hop_length].
  const float* delayed_mixture(int channel) const { return rendered_->delayed(channel, hop_); }
  float* finished(int output, int channel) {
    return finished_[output * channels_ + channel].data();
  }
  /// spectrum(channel), each bin times its gain -> signal -> finished(output, channel).
  /// gains[num_planes][model bins]: of the channels' mean and of what the channel has beside it, or
  /// one for both. Host bins above the model's range take its last one.
  void synthesise_hop(int output, int channel, const float* gains);

  /// The same for a spectrum of zeros: only what earlier frames left.
  void finish_hop(int output, int channel);

  bool started() const { return started_; }
  /// Those of the model, but for one channel, which has nothing beside its mean.
  int num_planes() const { return num_planes_; }

 private:
  /// Counts in `done` what it has finished.
  void process_hops(const float* const* mixture, float* const* outputs, std::size_t num_samples,
                    std::size_t& done);
  std::size_t take(const float* const* mixture, std::size_t done, std::size_t num_samples);
  void process_batch(float* const* outputs, std::size_t& done);
  void hear_batch();
  void mirror_start(const float* frame);  // -> mirrored_
  void measure_power(int hop);            // -> power_
  void normalize_level();
  void render(Hops& hops, int hop);

  double sample_rate_;
  int channels_;
  int num_outputs_;
  int latency_samples_;
  // The steps may run at once, so that none touches what is another's. To hear:
  Stft analysis_;
  LevelNormalizer normalizer_;
  Hops hops_;                       // that come in
  std::vector<float> power_;        // [planes of the model][model bins]
  std::vector<float> level_power_;  // [model bins]: of both planes, if there are two
  std::vector<Complex> middle_;     // [num_bins]
  std::vector<float> mirrored_;     // [win_length]
  int received_ = 0;                // samples since the start, win_length at most
  std::size_t filled_ = 0;          // samples of the hops coming in
  // To estimate:
  MaskEstimator estimator_;
  // To render:
  Stft synthesis_;
  Hops* rendered_ = nullptr;
  int hop_ = 0;
  int num_planes_;
  std::vector<float> masks_;                  // [num_stems][num_planes][model bins]
  std::vector<Complex> mean_;                 // [num_bins] of the channels, if there are two planes
  std::vector<Complex> masked_;               // [num_bins]
  std::vector<float> frame_;                  // [win_length]
  std::vector<OverlapAdd> overlap_add_;       // [num_outputs * channels]
  std::vector<std::vector<float>> finished_;  // [num_outputs * channels]: the hop going out
  bool started_ = false;
  std::atomic<bool> failed_ = false;
};

}  // namespace unbraid
