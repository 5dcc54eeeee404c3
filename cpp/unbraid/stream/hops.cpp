#include "unbraid/stream/hops.h"

#include <algorithm>

namespace unbraid {

Hops::Hops(const ModelInfo& info, double sample_rate, int channels, int max_size)
    : history_length_(info.latency_samples(sample_rate)),
      lookahead_(info.lookahead_frames),
      power_size_(info.power_size()),
      masks_size_(info.masks_size()),
      history_(channels) {
  const StftSizes sizes = stft_sizes(sample_rate, info.win_seconds, info.hop_seconds);
  win_length_ = sizes.win_length;
  hop_length_ = sizes.hop_length;
  num_bins_ = sizes.win_length / 2 + 1;
  reserve(max_size);
}

void Hops::reserve(int max_size) {
  max_size_ = max_size;
  for (std::vector<float>& history : history_) {
    history.resize(history_length_ + static_cast<std::size_t>(max_size - 1) * hop_length_);
  }
  spectra_.resize(at(0, lookahead_ + max_size));
  power_.resize(max_size * power_size_);
  masks_.resize(max_size * masks_size_);
}

const float* Hops::frame(int channel, int hop) const {
  return history_[channel].data() + history_length_ - win_length_ +
         static_cast<std::ptrdiff_t>(hop) * hop_length_;
}

void Hops::follow(const Hops& before) {
  for (std::size_t channel = 0; channel < history_.size(); ++channel) {
    const float* first = before.delayed(static_cast<int>(channel), before.size_);
    std::copy(first, first + history_length_ - hop_length_, history_[channel].data());
  }
  const Complex* first = before.masked_spectrum(0, before.size_);
  std::copy(first, first + at(0, lookahead_), spectra_.data());
  size_ = 0;
}

void Hops::clear() {
  for (std::vector<float>& history : history_) std::fill(history.begin(), history.end(), 0.0f);
  std::fill(spectra_.begin(), spectra_.end(), Complex());
  size_ = 0;
}

}  // namespace unbraid
