#include "unbraid/stream/stream.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "unbraid/dsp/denormals.h"
#include "unbraid/dsp/middle_power.h"

namespace unbraid {

void check_channels(int channels) {
  if (channels < 1 || channels > kMaxChannels) {
    throw std::invalid_argument("channels must be 1 to " + std::to_string(kMaxChannels) + ", got " +
                                std::to_string(channels));
  }
}

Stream::Stream(const std::shared_ptr<const Model>& model, double sample_rate, int channels,
               int num_outputs)
    : sample_rate_(sample_rate),
      channels_(channels),
      num_outputs_(num_outputs),
      latency_samples_(model->info().latency_samples(sample_rate)),
      stft_(model->info().make_stft(sample_rate)),
      estimator_(model),
      normalizer_(static_cast<double>(stft_.hop_length()) / sample_rate),
      middle_(stft_.num_bins()),
      masked_(stft_.num_bins()),
      frame_(stft_.win_length()) {
  check_channels(channels);
  const std::size_t num_signals = num_outputs * channels;
  history_.assign(channels, std::vector<float>(latency_samples_));
  spectra_.assign(model->info().lookahead_frames + 1,
                  std::vector<Complex>(channels * stft_.num_bins()));
  overlap_add_.assign(num_signals, OverlapAdd(stft_.win_length(), stft_.hop_length()));
  finished_.assign(num_signals, std::vector<float>(stft_.hop_length()));
  estimator_.warm_up();
}

void Stream::prepare(std::size_t max_block) {
  // Of a block that begins inside a hop, the hop that it ends counts, too.
  const std::size_t whole = max_block / stft_.hop_length() + 1;
  const auto num_hops = static_cast<int>(std::min<std::size_t>(whole, model().frames_per_run()));
  if (num_hops <= max_hops_) return;
  estimator_.reserve(num_hops);
  for (std::vector<float>& history : history_) {
    history.resize(latency_samples_ + static_cast<std::size_t>(num_hops - 1) * hop_length());
  }
  spectra_.resize(model().info().lookahead_frames + num_hops,
                  std::vector<Complex>(channels_ * stft_.num_bins()));
  max_hops_ = num_hops;
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
    const std::size_t whole = (filled_ + num_samples - done) / hop_length;
    const std::size_t num_hops = std::clamp<std::size_t>(whole, 1, max_hops_);
    const std::size_t count = std::min(num_samples - done, num_hops * hop_length - filled_);
    const std::size_t entry = latency_samples_ - hop_length + filled_;
    for (int channel = 0; channel < channels_; ++channel) {
      std::copy_n(mixture[channel] + done, count, history_[channel].data() + entry);
    }
    const std::size_t ready = std::min(count, hop_length - filled_);
    for (std::size_t signal = 0; signal < finished_.size(); ++signal) {
      std::copy_n(finished_[signal].data() + filled_, ready, outputs[signal] + done);
    }
    filled_ += count;
    done += ready;
    if (filled_ == num_hops * hop_length) process_batch(num_hops, outputs, done);
  }
}

/// All hops but the last go to the outputs at once; the last is `finished_`, for the samples to
/// come.
void Stream::process_batch(int num_hops, float* const* outputs, std::size_t& done) {
  failed_ = true;  // until the end of this function is reached
  filled_ = 0;
  const int hop_length = stft_.hop_length();
  for (int hop = 0; hop < num_hops; ++hop) hear(hop);
  estimator_.estimate(num_hops);

  for (hop_ = 0; hop_ < num_hops; ++hop_) {
    // The masks belong to the spectrum of `lookahead_frames` ago: stems, or the remix.
    render_hop(estimator_.masks(hop_));
    if (hop_ == num_hops - 1) break;
    for (std::size_t signal = 0; signal < finished_.size(); ++signal) {
      std::copy_n(finished_[signal].data(), hop_length, outputs[signal] + done);
    }
    done += hop_length;
  }

  // Make room for the next hops.
  for (std::vector<float>& history : history_) {
    const auto first = history.begin() + num_hops * hop_length;
    std::copy(first, first + latency_samples_ - hop_length, history.begin());
  }
  std::rotate(spectra_.begin(), spectra_.begin() + num_hops, spectra_.end());
  failed_ = false;
}

/// The hop's frame of each channel: window, FFT. One power for all channels, for one mask keeps the
/// stereo image and costs one inference.
void Stream::hear(int hop) {
  float* power = estimator_.power(hop);
  received_ = std::min(received_ + stft_.hop_length(), stft_.win_length());
  if (received_ < stft_.win_length()) {
    for (int channel = 0; channel < channels_; ++channel) {
      mirror_start(newest_frame(channel, hop));
      stft_.analyse(frame_.data(), newest_spectrum(channel, hop));
    }
    middle_power(hop, power);
  }
  for (int channel = 0; channel < channels_; ++channel) {
    stft_.analyse(newest_frame(channel, hop), newest_spectrum(channel, hop));
  }
  if (received_ == stft_.win_length()) middle_power(hop, power);
  normalize_level(power);
}

const float* Stream::newest_frame(int channel, int hop) const {
  return history_[channel].data() + latency_samples_ - stft_.win_length() +
         hop * stft_.hop_length();
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

Complex* Stream::newest_spectrum(int channel, int hop) {
  return spectra_[model().info().lookahead_frames + hop].data() + channel * stft_.num_bins();
}

const Complex* Stream::spectrum(int channel) const {
  return spectra_[hop_].data() + channel * stft_.num_bins();
}

// Model bins that the host's rate does not reach stay zero.
void Stream::middle_power(int hop, float* power) {
  const int known = std::min(stft_.num_bins(), model().info().num_bins);
  unbraid::middle_power(newest_spectrum(0, hop), channels_, stft_.num_bins(), known,
                        stft_.power_scale(), middle_.data(), power);
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
  received_ = 0;
  filled_ = 0;
  started_ = false;
  failed_ = false;
}

}  // namespace unbraid
