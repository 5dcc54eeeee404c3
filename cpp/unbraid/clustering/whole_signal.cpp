#include "unbraid/clustering/whole_signal.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "unbraid/clustering/kmeans.h"
#include "unbraid/dsp/denormals.h"
#include "unbraid/dsp/middle_power.h"
#include "unbraid/stream/stream.h"

namespace unbraid {
namespace {

// Long enough for every talker to be heard, short enough for the network's memory.
constexpr double kStretchSeconds = 24.0;
constexpr double kOverlapSeconds = 4.0;
constexpr float kActive = 1e-4f;       // of the loudest point: what is quieter belongs to nobody
constexpr float kCentreWeight = 0.1f;  // of the centres beside the masks where stretches overlap

/// What each point counts: its magnitude, nothing where it is not active. Magnitude ratio weights
/// of Wang et al., "Alternative objective functions for deep clustering", ICASSP 2018, eq. 4.
std::vector<float> point_weights(const float* power, std::size_t count) {
  const float loudest = count ? *std::max_element(power, power + count) : 0.0f;
  std::vector<float> weights(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (power[i] > kActive * loudest) weights[i] = std::sqrt(power[i]);
  }
  return weights;
}

}  // namespace

WholeSignal::WholeSignal(const std::shared_ptr<const Model>& model, double sample_rate,
                         int channels, int num_talkers)
    : channels_(channels),
      num_talkers_(num_talkers),
      stft_(model->info().make_stft(sample_rate)),
      embedder_(model),
      normalizer_(static_cast<double>(stft_.hop_length()) / sample_rate),
      silent_hops_(stft_.win_length() / stft_.hop_length() - 1),
      spectra_(static_cast<std::size_t>(std::max(channels, 0)) * stft_.num_bins()),
      scratch_(stft_.num_bins()),
      bin_power_(model->info().num_bins),
      bin_gains_(stft_.num_bins()),
      frame_(stft_.win_length()),
      finished_(stft_.hop_length()) {
  check_channels(channels);
  if (num_talkers < 2 || num_talkers > model->info().max_stems()) {
    throw std::invalid_argument("talkers must be 2 to " +
                                std::to_string(model->info().max_stems()) + ", got " +
                                std::to_string(num_talkers));
  }
  const double hop_seconds = stft_.hop_length() / sample_rate;
  stretch_frames_ = static_cast<int>(std::ceil(kStretchSeconds / hop_seconds));
  overlap_frames_ = static_cast<int>(std::ceil(kOverlapSeconds / hop_seconds));
  samples_.resize(channels);
  overlap_add_.assign(static_cast<std::size_t>(num_talkers - 1) * channels,
                      OverlapAdd(stft_.win_length(), stft_.hop_length()));
}

void WholeSignal::process(const float* const* mixture, std::size_t num_samples,
                          std::vector<std::vector<float>>& stems) {
  const FlushDenormals flush_denormals;
  const std::size_t win_length = stft_.win_length(), hop_length = stft_.hop_length();
  std::size_t done = 0;
  while (done < num_samples) {
    // Up to the end of a stretch, or of the samples whose mirror image comes before the first.
    const std::size_t wanted =
        started_ ? win_length + (stretch_frames_ - 1) * hop_length : win_length;
    const std::size_t count = std::min(num_samples - done, wanted - held());
    for (int channel = 0; channel < channels_; ++channel) {
      const float* first = mixture[channel] + done;
      samples_[channel].insert(samples_[channel].end(), first, first + count);
    }
    done += count;
    received_ += count;
    if (held() < wanted) return;
    if (!started_) {
      mirror_start();
    } else {
      separate_stretch(stretch_frames_);
      render(stretch_frames_ - overlap_frames_, stems);
    }
  }
}

void WholeSignal::finish(std::vector<std::vector<float>>& stems) {
  if (received_ == returned_) return;
  const FlushDenormals flush_denormals;
  if (!started_) mirror_start();
  const std::size_t hop_length = stft_.hop_length();
  const std::size_t num_frames = (held() + hop_length - 1) / hop_length;
  mirror_end();
  separate_stretch(static_cast<int>(num_frames));
  render(static_cast<int>(num_frames), stems);
}

// As in Stream: what begins in the middle of a sound is cut there, not struck.
void WholeSignal::mirror_start() {
  started_ = true;
  const std::size_t before = stft_.win_length() - stft_.hop_length();
  for (std::vector<float>& samples : samples_) {
    const std::size_t count = samples.size();
    std::vector<float> mirrored(before);
    for (std::size_t i = 0; i < before; ++i) {
      const std::size_t at = i % (2 * count);
      mirrored[before - 1 - i] = samples[at < count ? at : 2 * count - 1 - at];
    }
    samples.insert(samples.begin(), mirrored.begin(), mirrored.end());
  }
}

void WholeSignal::mirror_end() {
  for (std::vector<float>& samples : samples_) {
    const std::size_t count = samples.size();
    for (int i = 0; i < stft_.win_length(); ++i) {
      const std::size_t at = i % (2 * count);
      samples.push_back(samples[at < count ? count - 1 - at : at - count]);
    }
  }
}

/// The power of frames that have not been heard, up to so many from the next to be rendered.
void WholeSignal::hear(int num_frames) {
  const ModelInfo& info = model().info();
  const std::size_t num_bands = info.num_bands();
  const int known = std::min(stft_.num_bins(), info.num_bins);
  for (std::size_t frame = power_.size() / num_bands; frame < static_cast<std::size_t>(num_frames);
       ++frame) {
    for (int channel = 0; channel < channels_; ++channel) {
      stft_.analyse(samples_[channel].data() + frame * stft_.hop_length(),
                    spectra_.data() + channel * stft_.num_bins());
    }
    middle_power(spectra_.data(), channels_, stft_.num_bins(), known, stft_.power_scale(),
                 scratch_.data(), bin_power_.data());
    const float gain = normalizer_.gain(bin_power_.data(), known);
    power_.resize(power_.size() + num_bands);
    float* bands = power_.data() + power_.size() - num_bands;
    info.sum_bands(bin_power_.data(), bands);
    for (std::size_t band = 0; band < num_bands; ++band) bands[band] *= gain;
  }
}

/// Masks of so many frames from the next to be rendered on. Where there were some, they fade over.
void WholeSignal::separate_stretch(int num_frames) {
  const ModelInfo& info = model().info();
  const std::size_t size = info.embedding;
  hear(num_frames);
  const std::vector<float> embeddings = embedder_.embed(power_.data(), num_frames);
  const std::vector<float> weights = point_weights(power_.data(), power_.size());
  Points active{info.embedding, {}, {}};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0.0f) active.add(embeddings.data() + i * size, weights[i]);
  }
  std::vector<float> centres = cluster(active, num_talkers_);
  std::vector<int> order(num_talkers_);
  std::iota(order.begin(), order.end(), 0);
  if (active.count() == 0) {  // nothing tells talkers apart: those before still hold
    if (!centres_.empty()) centres = centres_;
    fade_to(masks_of(embeddings, centres), order);
    return;
  }
  const std::vector<float> masks = masks_of(embeddings, centres);
  if (!centres_.empty()) order = best_order(weights, masks, centres);
  fade_to(masks, order);
  centres_.clear();
  for (const int k : order) {
    const auto centre = centres.begin() + k * info.embedding;
    centres_.insert(centres_.end(), centre, centre + info.embedding);
  }
}

/// [frames][talkers][bands]
std::vector<float> WholeSignal::masks_of(const std::vector<float>& embeddings,
                                         const std::vector<float>& centres) const {
  const ModelInfo& info = model().info();
  const std::size_t num_bands = info.num_bands();
  const std::size_t num_points = embeddings.size() / info.embedding;
  std::vector<float> masks(num_points * num_talkers_);
  std::vector<float> of_point(num_talkers_);
  for (std::size_t point = 0; point < num_points; ++point) {
    soft_masks(embeddings.data() + point * info.embedding, centres.data(), num_talkers_,
               info.embedding, info.sharpness, of_point.data());
    const std::size_t frame = point / num_bands, band = point % num_bands;
    for (int k = 0; k < num_talkers_; ++k) {
      masks[(frame * num_talkers_ + k) * num_bands + band] = of_point[k];
    }
  }
  return masks;
}

/// Which of the new clusters goes on with each talker: those whose masks agree most where stretches
/// overlap. Where next to nothing is heard there, those whose centres are nearest.
std::vector<int> WholeSignal::best_order(const std::vector<float>& weights,
                                         const std::vector<float>& masks,
                                         const std::vector<float>& centres) const {
  const std::size_t num_bands = model().info().num_bands(), talkers = num_talkers_;
  const int size = model().info().embedding;
  std::vector<double> agreement(talkers * talkers);
  double sum = 0.0;
  const std::size_t common = masks_.size() / talkers;  // points
  for (std::size_t point = 0; point < common; ++point) {
    if (weights[point] == 0.0f) continue;
    sum += weights[point];
    const std::size_t first = point / num_bands * talkers * num_bands + point % num_bands;
    for (std::size_t old = 0; old < talkers; ++old) {
      const double share = weights[point] * masks_[first + old * num_bands];
      for (std::size_t k = 0; k < talkers; ++k) {
        agreement[old * talkers + k] += share * masks[first + k * num_bands];
      }
    }
  }
  for (std::size_t old = 0; old < talkers; ++old) {
    for (std::size_t k = 0; k < talkers; ++k) {
      const float* centre = centres.data() + k * size;
      const float cosine =
          std::inner_product(centre, centre + size, centres_.data() + old * size, 0.0f);
      double& both = agreement[old * talkers + k];
      both = (sum > 0.0 ? both / sum : 0.0) + kCentreWeight * cosine;
    }
  }
  std::vector<int> order(talkers), best;
  std::iota(order.begin(), order.end(), 0);
  double best_score = 0.0;
  do {
    double score = 0.0;
    for (std::size_t old = 0; old < talkers; ++old) score += agreement[old * talkers + order[old]];
    if (best.empty() || score > best_score) {
      best = order;
      best_score = score;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

/// masks_ of the frames that are common to both stretches fade to the new ones, and end with them.
void WholeSignal::fade_to(const std::vector<float>& masks, const std::vector<int>& order) {
  const std::size_t num_bands = model().info().num_bands();
  const std::size_t row = num_bands * num_talkers_;
  const std::size_t common = masks_.size() / row;
  masks_.resize(masks.size());
  for (std::size_t frame = 0; frame < masks.size() / row; ++frame) {
    const float done =
        frame < common ? (static_cast<float>(frame) + 0.5f) / static_cast<float>(common) : 1.0f;
    for (int k = 0; k < num_talkers_; ++k) {
      const float* next = masks.data() + frame * row + order[k] * num_bands;
      float* mask = masks_.data() + frame * row + k * num_bands;
      for (std::size_t band = 0; band < num_bands; ++band) {
        mask[band] += done * (next[band] - mask[band]);
      }
    }
  }
}

/// The next frames to signals, and out of memory.
void WholeSignal::render(int num_frames, std::vector<std::vector<float>>& stems) {
  const ModelInfo& info = model().info();
  const std::size_t row = static_cast<std::size_t>(info.num_bands()) * num_talkers_;
  for (int frame = 0; frame < num_frames; ++frame) {
    render_frame(masks_.data() + frame * row, static_cast<std::size_t>(frame) * stft_.hop_length(),
                 stems);
  }
  masks_.erase(masks_.begin(), masks_.begin() + num_frames * row);
  power_.erase(power_.begin(), power_.begin() + num_frames * info.num_bands());
  for (std::vector<float>& samples : samples_) {
    const auto first = samples.begin();
    samples.erase(first, first + static_cast<std::ptrdiff_t>(num_frames) * stft_.hop_length());
  }
}

void WholeSignal::render_frame(const float* masks, std::size_t position,
                               std::vector<std::vector<float>>& stems) {
  const std::vector<int>& edges = model().info().band_edges;
  const int num_bands = model().info().num_bands(), num_bins = stft_.num_bins();
  const std::size_t hop_length = stft_.hop_length();
  const std::size_t count =
      silent_hops_ > 0 ? 0 : std::min<std::size_t>(hop_length, received_ - returned_);
  for (int channel = 0; channel < channels_; ++channel) {
    const float* mixture = samples_[channel].data() + position;
    stft_.analyse(mixture, spectra_.data());
    // The masks sum to one, so the last stem is what the others leave of the mixture.
    std::vector<float>& last = stems[(num_talkers_ - 1) * channels_ + channel];
    last.insert(last.end(), mixture, mixture + count);
    float* rest = last.data() + last.size() - count;
    for (int talker = 0; talker + 1 < num_talkers_; ++talker) {
      const float* mask = masks + talker * num_bands;
      std::fill(bin_gains_.begin(), bin_gains_.end(), mask[num_bands - 1]);  // above the model's
      for (int band = 0; band < num_bands; ++band) {
        const int first = std::min(edges[band], num_bins),
                  end = std::min(edges[band + 1], num_bins);
        std::fill(bin_gains_.begin() + first, bin_gains_.begin() + end, mask[band]);
      }
      for (int bin = 0; bin < num_bins; ++bin) scratch_[bin] = bin_gains_[bin] * spectra_[bin];
      stft_.synthesise(scratch_.data(), frame_.data());
      const int signal = talker * channels_ + channel;
      overlap_add_[signal].push(frame_.data(), finished_.data());
      stems[signal].insert(stems[signal].end(), finished_.begin(), finished_.begin() + count);
      for (std::size_t i = 0; i < count; ++i) rest[i] -= finished_[i];
    }
  }
  returned_ += count;
  if (silent_hops_ > 0) --silent_hops_;
}

}  // namespace unbraid
