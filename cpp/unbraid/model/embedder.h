#pragma once

#include <memory>
#include <vector>

#include "unbraid/model/model.h"

namespace unbraid {

// Of a stretch; a hundred times what it takes.
constexpr double kMaxStretchRunSeconds = 120.0;

/// A whole stretch's way through a model of embeddings: power to a vector for each frame and band.
class Embedder {
 public:
  /// Throws ModelError if the model is not one of embeddings.
  explicit Embedder(std::shared_ptr<const Model> model);

  const Model& model() const { return *model_; }

  /// power[num_frames][num_bands] -> [num_frames][num_bands][embedding]. Allocates. Throws
  /// ort::Error if the run fails or was interrupted, or if what comes out is not finite.
  std::vector<float> embed(const float* power, int num_frames) const;

  /// By any thread: embed() fails, now and for good.
  void interrupt() { interrupt_.set(); }

 private:
  std::shared_ptr<const Model> model_;
  ort::Interrupt interrupt_;
};

}  // namespace unbraid
