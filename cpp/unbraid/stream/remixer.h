#pragma once

#include <memory>
#include <vector>

#include "unbraid/stream/stream.h"

namespace unbraid {

/// The mixture with a gain on each stem; equal gains are exactly that gain. See Stream for the
/// contract.
class Remixer : public Stream {
 public:
  /// gains[num_stems], linear and finite; else std::invalid_argument. `with_stems`: the stems
  /// themselves, whatever their gains, are outputs 1, 2, ... after the remix.
  Remixer(const std::shared_ptr<const Model>& model, double sample_rate, int channels,
          const std::vector<float>& gains, bool with_stems = false);

  /// Heads for a new linear gain, from the next hop on and within three, each faded into the next
  /// by the overlapping windows. Before the first sample it holds at once. Does not allocate;
  /// throws std::invalid_argument for a stem that is not there or a gain that is not finite.
  void set_gain(int stem, float gain);
  /// All of them, gains[num_stems]; changes nothing if one is refused.
  void set_gains(const std::vector<float>& gains);
  float gain(int stem) const;

  /// Keeps the gains, as they were last set.
  void reset() override;

 private:
  struct Fader {
    float gain;
    float target;
    int hops_to_go;
  };

  void render_hop(const float* masks) override;
  void move_base_gain();
  bool mix_differences(const float* masks);

  std::vector<Fader> faders_;      // [num_stems]
  std::vector<float> difference_;  // [num_planes][model bins]: what the masks add to the last
                                   // stem's gain
  std::vector<float> base_gains_;  // the last stem's gain in each overlapping frame, newest first
  std::vector<float> base_gain_;   // [hop_length]
};

}  // namespace unbraid
