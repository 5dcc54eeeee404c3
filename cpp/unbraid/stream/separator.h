#pragma once

#include <memory>

#include "unbraid/stream/stream.h"

namespace unbraid {

/// The mixture's stems, in the model's order; at every sample they sum to the delayed mixture.
/// See Stream for the contract.
class Separator : public Stream {
 public:
  Separator(const std::shared_ptr<const Model>& model, double sample_rate, int channels);

 private:
  void render_hop(const float* masks) override;
};

}  // namespace unbraid
