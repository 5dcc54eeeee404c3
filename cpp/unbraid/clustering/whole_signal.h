#pragma once

#include <memory>
#include <vector>

#include "unbraid/dsp/level_normalizer.h"
#include "unbraid/dsp/stft.h"
#include "unbraid/model/embedder.h"

namespace unbraid {

/// Separates a whole signal with a model of embeddings: the points of the spectrogram are
/// clustered, and each cluster is a talker (Hershey et al., "Deep clustering: discriminative
/// embeddings for segmentation and separation", ICASSP 2016).
///
/// The signal may come in blocks of any size, which change nothing. It is heard in stretches of
/// bounded length that overlap; in the overlap masks fade from one stretch's to the next's, after
/// the clusters of the next were put into the order that agrees best with those before. So a talker
/// keeps their stem, and memory does not grow with the signal. At every sample the stems sum to the
/// mixture. One thread at a time.
class WholeSignal {
 public:
  /// channels 1..8, sample_rate 8000..192000 Hz, num_talkers 2..max_stems of the model; else
  /// std::invalid_argument. Throws ModelError if the model is not one of embeddings.
  WholeSignal(const std::shared_ptr<const Model>& model, double sample_rate, int channels,
              int num_talkers);

  const Model& model() const { return embedder_.model(); }
  int channels() const { return channels_; }
  int num_talkers() const { return num_talkers_; }

  /// Takes mixture[channels][num_samples]; what it finishes is appended to `stems`, which has
  /// [num_talkers * channels] signals, one talker's channels after the other's. Throws ort::Error
  /// if the model fails; then nothing is to be had from this object any more.
  void process(const float* const* mixture, std::size_t num_samples,
               std::vector<std::vector<float>>& stems);
  /// The signal is at its end: appends the rest, so that as many samples came out as went in.
  void finish(std::vector<std::vector<float>>& stems);

  /// By any thread: ends a run that does not end by itself.
  void interrupt() { embedder_.interrupt(); }

 private:
  void mirror_start();
  void mirror_end();
  void hear(int num_frames);
  void separate_stretch(int num_frames);
  std::vector<float> masks_of(const std::vector<float>& embeddings,
                              const std::vector<float>& centres) const;
  std::vector<int> best_order(const std::vector<float>& weights, const std::vector<float>& masks,
                              const std::vector<float>& centres) const;
  void fade_to(const std::vector<float>& masks, const std::vector<int>& order);
  void render(int num_frames, std::vector<std::vector<float>>& stems);
  void render_frame(const float* masks, std::size_t position,
                    std::vector<std::vector<float>>& stems);
  std::size_t held() const { return samples_[0].size(); }

  int channels_;
  int num_talkers_;
  Stft stft_;
  Embedder embedder_;
  LevelNormalizer normalizer_;
  int stretch_frames_, overlap_frames_;
  std::size_t received_ = 0, returned_ = 0;  // samples
  int silent_hops_;                          // that are still to come before the signal's first
  bool started_ = false;
  std::vector<std::vector<float>> samples_;  // [channels]: from the next frame to be rendered on
  std::vector<float> power_;                 // [frames][bands], from that frame on
  std::vector<float> masks_;                 // [frames][talkers][bands], from that frame on
  std::vector<float> centres_;               // [talkers][embedding] of the last stretch with sound
  std::vector<OverlapAdd> overlap_add_;      // [(talkers - 1) * channels]
  std::vector<Complex> spectra_;             // [channels][num_bins]
  std::vector<Complex> scratch_;             // [num_bins]
  std::vector<float> bin_power_, bin_gains_, frame_, finished_;
};

}  // namespace unbraid
