#include "unbraid/dsp/stft.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace unbraid {
namespace {

constexpr double kPi = 3.14159265358979323846;

std::string shown(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", number);
  return text;
}

}  // namespace

StftSizes stft_sizes(double sample_rate, double win_seconds, double hop_seconds) {
  if (!(sample_rate >= kMinSampleRate && sample_rate <= kMaxSampleRate)) {  // NaN fails too
    throw std::invalid_argument("sample_rate must be between " + shown(kMinSampleRate) + " and " +
                                shown(kMaxSampleRate) + " Hz, got " + shown(sample_rate));
  }
  const double ratio = win_seconds / hop_seconds;
  const int overlap = ratio >= 1.5 && ratio < 1000.0 ? static_cast<int>(std::lround(ratio)) : 0;
  if (overlap < 2 || std::abs(ratio - overlap) > 1e-6) {
    throw std::invalid_argument(
        "win_seconds must be a whole number (2 or more) of hop_seconds, got " + shown(win_seconds) +
        " and " + shown(hop_seconds));
  }
  const double wanted = sample_rate * win_seconds;
  int best = 0;
  for (int n = 2; n <= 2.0 * wanted; n += 2) {
    const bool usable = n % overlap == 0 && is_fast_length(n);
    if (usable && std::abs(n - wanted) < std::abs(best - wanted)) best = n;
  }
  if (best == 0) throw std::invalid_argument("win_seconds is too short for this sample_rate");
  return {best, best / overlap};
}

Stft::Stft(int win_length, int hop_length)
    : win_length_(win_length), hop_length_(hop_length), fft_(win_length), windowed_(win_length) {
  if (hop_length < 1 || win_length % hop_length != 0 || win_length / hop_length < 2) {
    throw std::invalid_argument("win_length must be a multiple (2 or more) of hop_length, got " +
                                std::to_string(win_length) + " and " + std::to_string(hop_length));
  }
  std::vector<double> window(win_length);
  std::vector<double> window_sum(hop_length);  // of both windows' product, over the overlap
  double sum = 0.0;
  for (int i = 0; i < win_length; ++i) {
    window[i] = std::sqrt(0.5 - 0.5 * std::cos(2.0 * kPi * i / win_length));
    window_sum[i % hop_length] += window[i] * window[i];
    sum += window[i];
  }
  if (!(*std::min_element(window_sum.begin(), window_sum.end()) > 0.0)) {
    throw std::logic_error("the overlapping windows must sum to more than zero everywhere");
  }
  power_scale_ = static_cast<float>(4.0 / (sum * sum));
  for (int i = 0; i < win_length; ++i) {
    const double unscaled = window[i] / window_sum[i % hop_length];
    analysis_window_.push_back(static_cast<float>(window[i]));
    synthesis_window_.push_back(static_cast<float>(unscaled / win_length));  // undoes the FFT's n
  }
}

void Stft::analyse(const float* frame, Complex* spectrum) {
  for (int i = 0; i < win_length_; ++i) windowed_[i] = frame[i] * analysis_window_[i];
  fft_.forward(windowed_.data(), spectrum);
}

void Stft::synthesise(const Complex* spectrum, float* frame) {
  fft_.backward(spectrum, frame);
  for (int i = 0; i < win_length_; ++i) frame[i] *= synthesis_window_[i];
}

OverlapAdd::OverlapAdd(int win_length, int hop_length)
    : hop_length_(hop_length), tail_(win_length - hop_length) {}

void OverlapAdd::push(const float* frame, float* finished) {
  for (std::size_t i = 0; i < hop_length_; ++i) finished[i] = tail_[i] + frame[i];
  const float* rest = frame + hop_length_;
  const std::size_t overlapping = tail_.size() - hop_length_;
  for (std::size_t i = 0; i < overlapping; ++i) tail_[i] = tail_[i + hop_length_] + rest[i];
  std::copy(rest + overlapping, rest + tail_.size(), tail_.begin() + overlapping);
}

void OverlapAdd::reset() { std::fill(tail_.begin(), tail_.end(), 0.0f); }

}  // namespace unbraid
