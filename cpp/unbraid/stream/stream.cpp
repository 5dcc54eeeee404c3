#include "unbraid/stream/stream.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "unbraid/dsp/denormals.h"
#include "unbraid/dsp/mid_side_power.h"
#include "unbraid/dsp/middle_power.h"

namespace unbraid {

int check_channels(int channels) {
  if (channels < 1 || channels > kMaxChannels) {
    throw std::invalid_argument("channels must be 1 to " + std::to_string(kMaxChannels) + ", got " +
                                std::to_string(channels));
  }
  return channels;
}

Stream::Stream(const std::shared_ptr<const Model>& model, double sample_rate, int channels,
               int num_outputs)
    : sample_rate_(sample_rate),
      channels_(check_channels(channels)),
      num_outputs_(num_outputs),
      latency_samples_(model->info().latency_samples(sample_rate)),
      analysis_(model->info().make_stft(sample_rate)),
      normalizer_(static_cast<double>(analysis_.hop_length()) / sample_rate),
      hops_(model->info(), sample_rate, channels, 1),
      power_(static_cast<std::size_t>(model->info().num_planes()) * model->info().num_bins),
      level_power_(model->info().num_planes() > 1 ? model->info().num_bins : 0),
      middle_(analysis_.num_bins()),
      mirrored_(analysis_.win_length()),
      estimator_(model),
      synthesis_(analysis_),
      num_planes_(channels > 1 ? model->info().num_planes() : 1),
      masks_(static_cast<std::size_t>(model->info().num_stems()) * num_planes_ *
             model->info().num_bins),
      mean_(num_planes_ > 1 ? analysis_.num_bins() : 0),
      masked_(analysis_.num_bins()),
      frame_(analysis_.win_length()) {
  const std::size_t num_signals = num_outputs * channels;
  overlap_add_.assign(num_signals, OverlapAdd(win_length(), hop_length()));
  finished_.assign(num_signals, std::vector<float>(hop_length()));
  estimator_.warm_up();
}

void Stream::prepare(std::size_t max_block) {
  // Of a block that begins inside a hop, the hop that it ends counts, too.
  const std::size_t whole = max_block / hop_length() + 1;
  const auto num_hops = static_cast<int>(std::min<std::size_t>(whole, model().frames_per_run()));
  if (num_hops <= hops_.max_size()) return;
  estimator_.reserve(num_hops);
  hops_.reserve(num_hops);
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
  while (done < num_samples) {
    const std::size_t filled = filled_;
    const std::size_t count = take(mixture, done, num_samples);
    const std::size_t ready = std::min(count, hop_length() - filled);
    for (std::size_t signal = 0; signal < finished_.size(); ++signal) {
      std::copy_n(finished_[signal].data() + filled, ready, outputs[signal] + done);
    }
    done += ready;
    if (hops_.size() > 0) process_batch(outputs, done);
  }
}

/// The next samples, up to the end of as many hops as there is room for: these are the size of
/// hops_ then. Returns how many samples that are.
std::size_t Stream::take(const float* const* mixture, std::size_t done, std::size_t num_samples) {
  if (failed_) throw std::runtime_error("the model failed earlier; reset() the stream first");
  const std::size_t whole = (filled_ + num_samples - done) / hop_length();
  const std::size_t num_hops = std::clamp<std::size_t>(whole, 1, hops_.max_size());
  const std::size_t count = std::min(num_samples - done, num_hops * hop_length() - filled_);
  for (int channel = 0; channel < channels_; ++channel) {
    std::copy_n(mixture[channel] + done, count, hops_.entry(channel) + filled_);
  }
  filled_ += count;
  if (filled_ == num_hops * hop_length()) {
    hops_.resize(static_cast<int>(num_hops));
    filled_ = 0;
  }
  return count;
}

/// All hops but the last go to the outputs at once; the last is `finished_`, for the samples to
/// come.
void Stream::process_batch(float* const* outputs, std::size_t& done) {
  failed_ = true;  // until the end of this function is reached
  hear_batch();
  estimate(hops_);
  for (int hop = 0; hop < hops_.size(); ++hop) {
    render(hops_, hop);
    if (hop == hops_.size() - 1) break;
    for (std::size_t signal = 0; signal < finished_.size(); ++signal) {
      std::copy_n(finished_[signal].data(), hop_length(), outputs[signal] + done);
    }
    done += hop_length();
  }
  hops_.follow(hops_);
  failed_ = false;
}

void Stream::halve() {
  if (const Halves* halves = model().halves()) estimator_.halve(*halves);
}

std::vector<Hops> Stream::hear(const float* const* mixture, std::size_t num_samples) {
  const FlushDenormals flush_denormals;
  started_ = started_ || num_samples > 0;
  std::vector<Hops> heard;
  for (std::size_t done = 0; done < num_samples;) {
    done += take(mixture, done, num_samples);
    if (hops_.size() == 0) break;
    hear_batch();
    heard.emplace_back(model().info(), sample_rate_, channels_, hops_.max_size());
    std::swap(heard.back(), hops_);
    hops_.follow(heard.back());
  }
  return heard;
}

void Stream::estimate(Hops& hops) {
  const FlushDenormals flush_denormals;
  estimator_.estimate(hops.power(), hops.size(), hops.masks());
}

void Stream::estimate_first_half(Hops& hops) {
  const FlushDenormals flush_denormals;
  hops.halfway = estimator_.begin(hops.power(), hops.size());
}

void Stream::estimate_second_half(Hops& hops) {
  const FlushDenormals flush_denormals;
  estimator_.finish(std::move(hops.halfway), hops.power(), hops.size(), hops.masks());
}

void Stream::render(Hops& hops, float* const* outputs) {
  const FlushDenormals flush_denormals;
  for (int hop = 0; hop < hops.size(); ++hop) {
    render(hops, hop);
    for (std::size_t signal = 0; signal < finished_.size(); ++signal) {
      std::copy_n(finished_[signal].data(), hop_length(), outputs[signal] + hop * hop_length());
    }
  }
}

/// Each hop's frame of each channel: window, FFT. The power is of all channels together, for masks
/// that serve all of them keep the stereo image and cost one inference.
void Stream::hear_batch() {
  for (int hop = 0; hop < hops_.size(); ++hop) {
    received_ = std::min(received_ + hop_length(), win_length());
    if (received_ < win_length()) {
      for (int channel = 0; channel < channels_; ++channel) {
        mirror_start(hops_.frame(channel, hop));
        analysis_.analyse(mirrored_.data(), hops_.spectrum(channel, hop));
      }
      measure_power(hop);
    }
    for (int channel = 0; channel < channels_; ++channel) {
      analysis_.analyse(hops_.frame(channel, hop), hops_.spectrum(channel, hop));
    }
    if (received_ == win_length()) measure_power(hop);
    normalize_level();
    const ModelInfo& info = model().info();
    for (int plane = 0; plane < info.num_planes(); ++plane) {
      info.sum_bands(power_.data() + plane * info.num_bins,
                     hops_.power(hop) + plane * info.num_bands());
    }
  }
}

// What the network hears of a frame that begins before the stream: instead of silence, the mirror
// image of what came. A file that begins in the middle of a sound is cut there, not struck: the
// edge would sound like a click in every band.
void Stream::mirror_start(const float* frame) {
  const int before = win_length() - received_;
  std::copy(frame + before, frame + win_length(), mirrored_.begin() + before);
  for (int i = 0; i < before; ++i) {
    const int at = i % (2 * received_);
    mirrored_[before - 1 - i] = frame[before + (at < received_ ? at : 2 * received_ - 1 - at)];
  }
}

// Model bins that the host's rate does not reach stay zero.
void Stream::measure_power(int hop) {
  const int num_bins = model().info().num_bins, known = std::min(analysis_.num_bins(), num_bins);
  const Complex* spectra = hops_.spectrum(0, hop);
  if (model().info().num_planes() == 1) {
    middle_power(spectra, channels_, analysis_.num_bins(), known, analysis_.power_scale(),
                 middle_.data(), power_.data());
  } else {
    mid_side_power(spectra, channels_, analysis_.num_bins(), known, analysis_.power_scale(),
                   middle_.data(), power_.data(), power_.data() + num_bins);
  }
}

/// One gain for both planes, the same as if there were only one.
void Stream::normalize_level() {
  const int num_bins = model().info().num_bins, known = std::min(analysis_.num_bins(), num_bins);
  const bool has_side = model().info().num_planes() > 1;
  if (has_side) middle_power(power_.data(), power_.data() + num_bins, known, level_power_.data());
  const float gain = normalizer_.gain(has_side ? level_power_.data() : power_.data(), known);
  if (gain == 1.0f) return;
  for (float& power : power_) power *= gain;
}

/// The masks belong to the spectrum of `lookahead_frames` ago: stems, or the remix.
void Stream::render(Hops& hops, int hop) {
  rendered_ = &hops;
  hop_ = hop;
  const ModelInfo& info = model().info();
  for (int plane = 0; plane < num_planes_; ++plane) {
    for (int stem = 0; stem < info.num_stems(); ++stem) {
      info.spread_mask(hops.masks(hop) + (plane * info.num_stems() + stem) * info.num_bands(),
                       masks_.data() + (stem * num_planes_ + plane) * info.num_bins);
    }
  }
  if (num_planes_ > 1) {
    mean_spectrum(spectrum(0), channels_, synthesis_.num_bins(), synthesis_.num_bins(),
                  mean_.data());
  }
  render_hop(masks_.data());
}

void Stream::render_stems(const float* masks, int first_output) {
  const int mask_size = num_planes_ * model().info().num_bins;
  const int last = first_output + model().info().num_stems() - 1;
  for (int channel = 0; channel < channels_; ++channel) {
    for (int output = first_output; output < last; ++output) {
      synthesise_hop(output, channel, masks + (output - first_output) * mask_size);
    }
    // The masks sum to one, so the last stem is what the others leave of the mixture. Taking it
    // from the samples themselves saves an inverse FFT and makes the stems sum exactly.
    float* rest = finished(last, channel);
    std::copy_n(delayed_mixture(channel), hop_length(), rest);
    for (int output = first_output; output < last; ++output) {
      const float* estimate = finished(output, channel);
      for (int i = 0; i < hop_length(); ++i) rest[i] -= estimate[i];
    }
  }
}

void Stream::synthesise_hop(int output, int channel, const float* gains) {
  const Complex* source = spectrum(channel);
  const int num_bins = synthesis_.num_bins();
  const int known = std::min(num_bins, model().info().num_bins), top = known - 1;
  if (num_planes_ == 1) {
    for (int bin = 0; bin < known; ++bin) masked_[bin] = gains[bin] * source[bin];
    for (int bin = known; bin < num_bins; ++bin) masked_[bin] = gains[top] * source[bin];
  } else {  // mid * mean + side * (source - mean)
    const float *mid = gains, *side = gains + model().info().num_bins;
    for (int bin = 0; bin < known; ++bin) {
      masked_[bin] = side[bin] * source[bin] + (mid[bin] - side[bin]) * mean_[bin];
    }
    for (int bin = known; bin < num_bins; ++bin) {
      masked_[bin] = side[top] * source[bin] + (mid[top] - side[top]) * mean_[bin];
    }
  }
  synthesis_.synthesise(masked_.data(), frame_.data());
  overlap_add_[output * channels_ + channel].push(frame_.data(), finished(output, channel));
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
  hops_.clear();
  for (auto& overlap_add : overlap_add_) overlap_add.reset();
  for (auto& finished : finished_) std::fill(finished.begin(), finished.end(), 0.0f);
  received_ = 0;
  filled_ = 0;
  started_ = false;
  failed_ = false;
}

}  // namespace unbraid
