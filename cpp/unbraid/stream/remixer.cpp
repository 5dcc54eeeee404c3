#include "unbraid/stream/remixer.h"

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

Remixer::Remixer(const std::shared_ptr<const Model>& model, double sample_rate, int channels,
                 const std::vector<float>& gains, bool with_stems)
    : Stream(model, sample_rate, channels, with_stems ? 1 + model->info().num_stems() : 1),
      faders_(model->info().num_stems()),
      difference_(static_cast<std::size_t>(num_planes()) * model->info().num_bins),
      base_gains_(stft().win_length() / stft().hop_length()),
      base_gain_(stft().hop_length()) {
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
  // As in Separator the last stem is the rest:
  // sum of gain * stem = last gain * mixture + sum over the others of (gain - last gain) * stem.
  // The mixture's part is taken from the samples, so that equal gains give exactly that gain.
  move_base_gain();
  const bool any = mix_differences(masks);
  for (int channel = 0; channel < channels(); ++channel) {
    if (any) {
      synthesise_hop(0, channel, difference_.data());
    } else {
      finish_hop(0, channel);
    }
    const float* mixture = delayed_mixture(channel);
    float* remix = finished(0, channel);
    for (int i = 0; i < hop_length(); ++i) remix[i] += base_gain_[i] * mixture[i];
  }
  if (num_outputs() > 1) render_stems(masks, 1);
}

/// The last stem's gain over the finished hop: that of each overlapping frame, faded by the
/// windows. Frames from before the stream began overlap with silence only, so what they had does
/// not matter.
void Remixer::move_base_gain() {
  std::rotate(base_gains_.rbegin(), base_gains_.rbegin() + 1, base_gains_.rend());
  base_gains_.front() = faders_.back().gain;
  std::fill(base_gain_.begin(), base_gain_.end(), base_gains_.front());
  for (std::size_t frame = 1; frame < base_gains_.size(); ++frame) {
    const float change = base_gains_[frame] - base_gains_.front();
    if (change == 0.0f) continue;
    const int start = static_cast<int>(frame) * hop_length();
    for (int i = 0; i < hop_length(); ++i) base_gain_[i] += change * stft().weight(start + i);
  }
}

bool Remixer::mix_differences(const float* masks) {
  bool any = false;
  std::fill(difference_.begin(), difference_.end(), 0.0f);
  for (std::size_t stem = 0; stem + 1 < faders_.size(); ++stem) {
    const float* mask = masks + stem * difference_.size();
    const float difference = faders_[stem].gain - faders_.back().gain;
    if (difference == 0.0f) continue;
    any = true;
    for (std::size_t i = 0; i < difference_.size(); ++i) {
      difference_[i] += difference * mask[i];
    }
  }
  return any;
}

}  // namespace unbraid
