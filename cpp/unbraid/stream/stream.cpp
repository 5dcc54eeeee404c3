#include "unbraid/stream/stream.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "unbraid/dsp/denormals.h"

namespace unbraid {
namespace {

constexpr int kCancelled = 8;  // of the mean power, what is heard at least: a part in so many

Stft make_stft(const ModelInfo& info, double sample_rate) {
  const StftSizes sizes = stft_sizes(sample_rate, info.win_seconds, info.hop_seconds);
  return Stft(sizes.win_length, sizes.hop_length);
}

}  // namespace

Stream::Stream(const std::shared_ptr<const Model>& model, double sample_rate, int channels,
               int num_outputs)
    : sample_rate_(sample_rate),
      channels_(channels),
      num_outputs_(num_outputs),
      latency_samples_(model->info().latency_samples(sample_rate)),
      stft_(make_stft(model->info(), sample_rate)),
      estimator_(model),
      normalizer_(static_cast<double>(stft_.hop_length()) / sample_rate),
      middle_(stft_.num_bins()),
      masked_(stft_.num_bins()),
      frame_(stft_.win_length()) {
  if (channels < 1 || channels > kMaxChannels) {
    throw std::invalid_argument("channels must be 1 to " + std::to_string(kMaxChannels) + ", got " +
                                std::to_string(channels));
  }
  const std::size_t num_signals = num_outputs * channels;
  history_.assign(channels, std::vector<float>(latency_samples_));
  spectra_.assign(model->info().lookahead_frames + 1,
                  std::vector<Complex>(channels * stft_.num_bins()));
  overlap_add_.assign(num_signals, OverlapAdd(stft_.win_length(), stft_.hop_length()));
  finished_.assign(num_signals, std::vector<float>(stft_.hop_length()));
  estimator_.warm_up();
}

void Stream::process(const float* const* mixture, float* const* outputs, std::size_t num_samples) {
  const FlushDenormals flush_denormals;
  started_ = started_ || num_samples > 0;
  std::size_t done = 0;
  try {
    process_hops(mixture, outputs, num_samples, done);
  } catch (...) {
    for (std::size_t signal = 0; signal < finished_.size(); ++signal) {
      std::fill_n(outputs[signal] + done, num_samples - done, 0.0f);
    }
    throw;
  }
}

void Stream::process_hops(const float* const* mixture, float* const* outputs,
                          std::size_t num_samples, std::size_t& done) {
  const std::size_t hop_length = stft_.hop_length();
  while (done < num_samples) {
    if (failed_) throw std::runtime_error("the model failed earlier; reset() the stream first");
    const std::size_t count = std::min(num_samples - done, hop_length - filled_);
    const std::size_t entry = latency_samples_ - hop_length + filled_;
    for (int channel = 0; channel < channels_; ++channel) {
      std::copy_n(mixture[channel] + done, count, history_[channel].data() + entry);
    }
    for (std::size_t signal = 0; signal < finished_.size(); ++signal) {
      std::copy_n(finished_[signal].data() + filled_, count, outputs[signal] + done);
    }
    filled_ += count;
    done += count;
    if (filled_ == hop_length) process_hop();
  }
}

void Stream::process_hop() {
  failed_ = true;  // until the end of this function is reached
  filled_ = 0;

  // The newest frame of each channel: window, FFT. One mask for all channels, which keeps the
  // stereo image and costs one inference.
  const int hop_length = stft_.hop_length();
  newest_ = (newest_ + 1) % spectra_.size();
  received_ = std::min(received_ + hop_length, stft_.win_length());
  if (received_ < stft_.win_length()) {
    for (int channel = 0; channel < channels_; ++channel) {
      mirror_start(newest_frame(channel));
      stft_.analyse(frame_.data(), newest_spectrum(channel));
    }
    middle_power(estimator_.power());
  }
  for (int channel = 0; channel < channels_; ++channel) {
    stft_.analyse(newest_frame(channel), newest_spectrum(channel));
  }
  if (received_ == stft_.win_length()) middle_power(estimator_.power());
  normalize_level(estimator_.power());
  estimator_.estimate();

  // The masks belong to the spectrum of `lookahead_frames` ago: stems, or the remix.
  render_hop(estimator_.masks());

  // Make room for the next hop.
  for (std::vector<float>& history : history_) {
    std::copy(history.begin() + hop_length, history.end(), history.begin());
  }
  failed_ = false;
}

const float* Stream::newest_frame(int channel) const {
  return history_[channel].data() + latency_samples_ - stft_.win_length();
}

// What the network hears of a frame that begins before the stream: instead of silence, the mirror
// image of what came. A file that begins in the middle of a sound is cut there, not struck: the
// edge would sound like a click in every band.
void Stream::mirror_start(const float* frame) {
  const int before = stft_.win_length() - received_;
  std::copy(frame + before, frame + stft_.win_length(), frame_.begin() + before);
  for (int i = 0; i < before; ++i) {
    const int at = i % (2 * received_);
    frame_[before - 1 - i] = frame[before + (at < received_ ? at : 2 * received_ - 1 - at)];
  }
}

Complex* Stream::newest_spectrum(int channel) {
  return spectra_[newest_].data() + channel * stft_.num_bins();
}

const Complex* Stream::spectrum(int channel) const {
  const std::size_t oldest = (newest_ + 1) % spectra_.size();
  return spectra_[oldest].data() + channel * stft_.num_bins();
}

// What the network hears of several channels: the power of their mean, where voices stand, and the
// music that is wide does not. Where the channels cancel in it, an eighth of the mean of their
// powers is left, so that no sound vanishes.
// Host bin and model bin have the same number, because the frame lasts equally long at any rate.
// Model bins that the host's rate does not reach stay zero.
void Stream::middle_power(float* power) {
  const int known = std::min(stft_.num_bins(), model().info().num_bins);
  const float scale = stft_.power_scale();
  if (channels_ == 1) {
    const Complex* spectrum = newest_spectrum(0);
    for (int bin = 0; bin < known; ++bin) power[bin] = scale * std::norm(spectrum[bin]);
    return;
  }
  const float middle_scale = scale / static_cast<float>(channels_ * channels_);
  const float least_scale = scale / static_cast<float>(kCancelled * channels_);
  std::fill(middle_.begin(), middle_.end(), Complex());
  std::fill_n(power, known, 0.0f);
  for (int channel = 0; channel < channels_; ++channel) {
    const Complex* spectrum = newest_spectrum(channel);
    for (int bin = 0; bin < known; ++bin) {
      middle_[bin] += spectrum[bin];
      power[bin] += std::norm(spectrum[bin]);
    }
  }
  for (int bin = 0; bin < known; ++bin) {
    power[bin] = std::max(middle_scale * std::norm(middle_[bin]), least_scale * power[bin]);
  }
}

void Stream::normalize_level(float* power) {
  const int known = std::min(stft_.num_bins(), model().info().num_bins);
  const float gain = normalizer_.gain(std::accumulate(power, power + known, 0.0f));
  if (gain == 1.0f) return;
  for (int bin = 0; bin < known; ++bin) power[bin] *= gain;
}

void Stream::render_stems(const float* masks, int first_output) {
  const int num_bins = model().info().num_bins;
  const int last = first_output + model().info().num_stems() - 1;
  for (int channel = 0; channel < channels_; ++channel) {
    for (int output = first_output; output < last; ++output) {
      const float* mask = masks + (output - first_output) * num_bins;
      synthesise_hop(output, channel, [mask](int bin) { return mask[bin]; });
    }
    // The masks sum to one, so the last stem is what the others leave of the mixture. Taking it
    // from the samples themselves saves an inverse FFT and makes the stems sum exactly.
    float* rest = finished(last, channel);
    std::copy_n(delayed_mixture(channel), stft_.hop_length(), rest);
    for (int output = first_output; output < last; ++output) {
      const float* estimate = finished(output, channel);
      for (int i = 0; i < stft_.hop_length(); ++i) rest[i] -= estimate[i];
    }
  }
}

void Stream::finish_hop(int output, int channel) {
  std::fill(frame_.begin(), frame_.end(), 0.0f);
  overlap_add_[output * channels_ + channel].push(frame_.data(), finished(output, channel));
}

void Stream::flush(float* const* outputs) {
  const std::vector<float> silence(latency_samples_);
  const std::vector<const float*> mixture(channels_, silence.data());
  process(mixture.data(), outputs, silence.size());
  reset();
}

void Stream::reset() {
  estimator_.reset();
  normalizer_.reset();
  for (auto& history : history_) std::fill(history.begin(), history.end(), 0.0f);
  for (auto& spectra : spectra_) std::fill(spectra.begin(), spectra.end(), Complex());
  for (auto& overlap_add : overlap_add_) overlap_add.reset();
  for (auto& finished : finished_) std::fill(finished.begin(), finished.end(), 0.0f);
  newest_ = 0;
  received_ = 0;
  filled_ = 0;
  started_ = false;
  failed_ = false;
}

}  // namespace unbraid
