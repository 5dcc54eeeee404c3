#pragma once

#include <cstddef>
#include <vector>

#include "unbraid/dsp/fft.h"
#include "unbraid/model/mask_estimator.h"
#include "unbraid/model/model_info.h"

namespace unbraid {

/// Hops that go through a stream together: their samples, what was heard of them, and the masks
/// that the network made of that. Only the constructor and reserve() allocate.
class Hops {
 public:
  /// For a stream of such a model; throws as stft_sizes does.
  Hops(const ModelInfo& info, double sample_rate, int channels, int max_size);

  int size() const { return size_; }  // hops, at most max_size
  int max_size() const { return max_size_; }
  void resize(int size) { size_ = size; }
  /// Room for so many; what is there stays.
  void reserve(int max_size);

  /// Where hops come in: samples of the newest, which may not be whole yet, and of those after it.
  float* entry(int channel) { return history_[channel].data() + history_length_ - hop_length_; }
  /// The win_length samples that end with a hop.
  const float* frame(int channel, int hop) const;
  /// The samples as late as a hop's stems are: [hop_length].
  const float* delayed(int channel, int hop) const {
    return history_[channel].data() + static_cast<std::ptrdiff_t>(hop) * hop_length_;
  }
  /// [num_bins] of a hop's frame.
  Complex* spectrum(int channel, int hop) {
    return spectra_.data() + at(channel, hop + lookahead_);
  }
  /// [num_bins] of the frame that a hop's masks belong to, `lookahead_frames` ago.
  const Complex* masked_spectrum(int channel, int hop) const {
    return spectra_.data() + at(channel, hop);
  }
  /// [num_planes][num_bands]
  float* power(int hop = 0) { return power_.data() + hop * power_size_; }
  /// [num_planes][stems][num_bands]
  float* masks(int hop = 0) { return masks_.data() + hop * masks_size_; }

  /// What the first half of the network made of them, if it has had them.
  std::vector<MaskEstimator::Halfway> halfway;

  /// Begins anew, behind other hops or behind what these were so far.
  void follow(const Hops& before);
  void clear();

 private:
  std::size_t at(int channel, int frame) const {
    return (static_cast<std::size_t>(frame) * history_.size() + channel) * num_bins_;
  }

  int win_length_, hop_length_, num_bins_;
  int history_length_;  // of one hop: from its stems' samples to its own
  int lookahead_;
  std::size_t power_size_, masks_size_;
  int size_ = 0, max_size_ = 0;
  std::vector<std::vector<float>> history_;  // [channels]: history_length, and a hop for each
                                             // further one
  std::vector<Complex> spectra_;             // [lookahead + max_size][channels][num_bins]
  std::vector<float> power_;                 // [max_size][num_planes][num_bands]
  std::vector<float> masks_;                 // [max_size][num_planes][num_stems][num_bands]
};

}  // namespace unbraid
