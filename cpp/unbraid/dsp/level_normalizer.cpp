#include "unbraid/dsp/level_normalizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace unbraid {
namespace {

constexpr float kNepersPerDb = 0.23025851f;  // of power
// A signal of mean square r has r * pi^2 / 4 in the bins of a frame, by Parseval, whatever its rate
// and window length are.
constexpr float kFullScale = 0.90304f;  // log(pi^2 / 4)
constexpr float kQuiet = kFullScale - 40 * kNepersPerDb;
constexpr float kLoud = kFullScale - 30 * kNepersPerDb;
constexpr float kSilence = 1.6e-12f;            // about -122 dB: no sound, no level
constexpr float kSurprise = 10 * kNepersPerDb;  // above the level: the attack begins
constexpr float kPause = 20 * kNepersPerDb;     // below the level: a pause counts as no more
constexpr float kAttackSeconds = 0.2f;
constexpr float kReleaseSeconds = 1.0f;

/// In an order that needs no bin to wait for the one before.
float sum(const float* values, int count) {
  constexpr int kParts = 16;
  float parts[kParts] = {};
  int i = 0;
  for (; i + kParts <= count; i += kParts) {
    for (int part = 0; part < kParts; ++part) parts[part] += values[i + part];
  }
  for (int part = 0; i < count; ++i, ++part) parts[part] += values[i];
  return std::accumulate(parts, parts + kParts, 0.0f);
}

}  // namespace

LevelNormalizer::LevelNormalizer(double hop_seconds)
    : attack_(static_cast<float>(1 - std::exp(-hop_seconds / kAttackSeconds))),
      release_(static_cast<float>(1 - std::exp(-hop_seconds / kReleaseSeconds))) {}

float LevelNormalizer::gain(const float* power, int num_bins) {
  const float frame_power = sum(power, num_bins);
  if (frame_power > kSilence && std::isfinite(frame_power)) {
    const float level = std::log(frame_power);
    const float usual = level > level_ + kSurprise ? attack_ : release_;
    const bool settling = static_cast<float>(frames_) * release_ < 1.0f;
    frames_ += settling;
    const float share = std::max(usual, settling ? 1.0f / static_cast<float>(frames_) : 0.0f);
    level_ += frames_ == 1 ? level : share * (std::max(level, level_ - kPause) - level_);
  }
  if (frames_ == 0) return 1.0f;
  return std::exp(std::clamp(level_, kQuiet, kLoud) - level_);
}

void LevelNormalizer::reset() {
  level_ = 0.0f;
  frames_ = 0;
}

}  // namespace unbraid
