#pragma once

namespace unbraid {

/// Makes recordings as loud for the network as it separates them best: the gain on power that
/// brings what runs below -40 dB of full scale, or above -30, to there, frame by frame, from a
/// running level. Masks know no level, so nothing has to be undone. What lies between passes
/// unchanged to the bit.
class LevelNormalizer {
 public:
  explicit LevelNormalizer(double hop_seconds);

  /// The gain on the power[num_bins] of this frame, which is 1 for a full-scale sine on its bin.
  float gain(const float* power, int num_bins);
  void reset();

 private:
  // How fast the running level follows: at once at first, fast up, slowly down.
  float attack_;
  float release_;
  float level_ = 0.0f;  // natural logarithm of power; of the frames that count
  int frames_ = 0;      // that count, up to where their number no longer matters
};

}  // namespace unbraid
