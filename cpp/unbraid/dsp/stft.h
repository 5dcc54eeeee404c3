#pragma once

#include <cstddef>
#include <vector>

#include "unbraid/dsp/fft.h"

namespace unbraid {

constexpr double kMinSampleRate = 8000.0;
constexpr double kMaxSampleRate = 192000.0;

struct StftSizes {
  int win_length;
  int hop_length;
};

/// The STFT of a model at a host's sample rate: the even win_length with no prime factor above 11
/// that is nearest to sample_rate * win_seconds and divides into whole hops.
/// Throws std::invalid_argument for a rate outside 8000..192000 Hz, or if win_seconds is not a
/// whole number (2 or more) of hop_seconds.
StftSizes stft_sizes(double sample_rate, double win_seconds, double hop_seconds);

/// Windowed frames to spectra and back, with the periodic square-root Hann window both ways.
/// The synthesis window is divided by the overlapping windows' sum, so that adding up the frames of
/// unchanged spectra gives the input again at any overlap. One object serves one thread; only the
/// constructor allocates.
class Stft {
 public:
  /// win_length even, without a prime factor above 11, a multiple (2 or more) of hop_length; else
  /// std::invalid_argument.
  Stft(int win_length, int hop_length);

  int win_length() const { return win_length_; }
  int hop_length() const { return hop_length_; }
  int num_bins() const { return win_length_ / 2 + 1; }

  /// (2 / sum of the window)^2: |spectrum|^2 times this is 1 for a full-scale sine on its bin.
  float power_scale() const { return power_scale_; }

  /// What an unchanged frame's sample i keeps of the input: analysis window times synthesis window.
  /// Over the frames that overlap at a sample these sum to one.
  float weight(int i) const { return analysis_window_[i] * synthesis_window_[i] * win_length_; }

  /// frame[win_length] -> spectrum[num_bins]
  void analyse(const float* frame, Complex* spectrum);
  /// spectrum[num_bins] -> windowed frame[win_length], ready to overlap and add
  void synthesise(const Complex* spectrum, float* frame);

 private:
  int win_length_;
  int hop_length_;
  float power_scale_;
  std::vector<float> analysis_window_;
  std::vector<float> synthesis_window_;
  RealFft fft_;
  std::vector<float> windowed_;
};

/// Adds up one channel's frames: each new frame finishes the hop that no later frame reaches.
class OverlapAdd {
 public:
  OverlapAdd(int win_length, int hop_length);

  /// frame[win_length] -> finished[hop_length]
  void push(const float* frame, float* finished);
  void reset();

 private:
  std::size_t hop_length_;
  std::vector<float> tail_;  // what earlier frames left for hops to come
};

}  // namespace unbraid
