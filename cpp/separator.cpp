#include "separator.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace unbraid {
namespace {

constexpr int kGainHops = 3;

void check_gain(float gain) {
  if (!std::isfinite(gain)) {
    throw std::invalid_argument("a gain must be finite, got " + std::to_string(gain));
  }
}

}  // namespace

Separator::Separator(std::shared_ptr<const Model> model, double sample_rate, int channels)
    : Stream(model, sample_rate, channels, model->info().num_stems()) {}

void Separator::render_hop(const float* masks) {
  const int num_bins = model().info().num_bins;
  const int last = num_outputs() - 1;
  for (int channel = 0; channel < channels(); ++channel) {
    for (int stem = 0; stem < last; ++stem) {
      const float* mask = masks + stem * num_bins;
      synthesise_hop(stem, channel, [mask](int bin) { return mask[bin]; });
    }
    // The masks sum to one, so the last stem is what the others leave of the mixture. Taking it
    // from the samples themselves saves an inverse FFT and makes the stems sum exactly.
    float* rest = finished(last, channel);
    std::copy_n(delayed_mixture(channel), hop_length(), rest);
    for (int stem = 0; stem < last; ++stem) {
      const float* estimate = finished(stem, channel);
      for (int i = 0; i < hop_length(); ++i) rest[i] -= estimate[i];
    }
  }
}

Remixer::Remixer(std::shared_ptr<const Model> model, double sample_rate, int channels,
                 const std::vector<float>& gains)
    : Stream(model, sample_rate, channels, 1),
      faders_(model->info().num_stems()),
      bin_gain_(model->info().num_bins) {
  set_gains(gains);
}

void Remixer::set_gains(const std::vector<float>& gains) {
  if (gains.size() != faders_.size()) {
    throw std::invalid_argument("gains must be " + std::to_string(faders_.size()) +
                                ", one per stem, got " + std::to_string(gains.size()));
  }
  for (const float gain : gains) check_gain(gain);
  for (std::size_t stem = 0; stem < gains.size(); ++stem) {
    set_gain(static_cast<int>(stem), gains[stem]);
  }
}

void Remixer::set_gain(int stem, float gain) {
  if (stem < 0 || stem >= static_cast<int>(faders_.size())) {
    throw std::invalid_argument("stem must be 0 to " + std::to_string(faders_.size() - 1) +
                                ", got " + std::to_string(stem));
  }
  check_gain(gain);
  Fader& fader = faders_[stem];
  if (!started()) {
    fader = {gain, gain, 0};
  } else if (gain != fader.target) {
    fader.target = gain;
    fader.hops_to_go = kGainHops;
  }
}

float Remixer::gain(int stem) const { return faders_.at(stem).target; }

void Remixer::reset() {
  Stream::reset();
  for (Fader& fader : faders_) fader = {fader.target, fader.target, 0};
}

void Remixer::render_hop(const float* masks) {
  for (Fader& fader : faders_) {
    if (fader.hops_to_go == 0) continue;
    fader.gain += (fader.target - fader.gain) / static_cast<float>(fader.hops_to_go--);
    if (fader.hops_to_go == 0) fader.gain = fader.target;
  }
  // As in Separator the last stem is the rest, so that equal gains are exactly that gain:
  // sum of gain * mask = last gain + sum over the others of (gain - last gain) * mask.
  const float last_gain = faders_.back().gain;
  std::fill(bin_gain_.begin(), bin_gain_.end(), last_gain);
  for (std::size_t stem = 0; stem + 1 < faders_.size(); ++stem) {
    const float* mask = masks + stem * bin_gain_.size();
    const float difference = faders_[stem].gain - last_gain;
    for (std::size_t bin = 0; bin < bin_gain_.size(); ++bin) {
      bin_gain_[bin] += difference * mask[bin];
    }
  }
  for (int channel = 0; channel < channels(); ++channel) {
    synthesise_hop(0, channel, [this](int bin) { return bin_gain_[bin]; });
  }
}

}  // namespace unbraid
