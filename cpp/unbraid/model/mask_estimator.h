#pragma once

#include <memory>
#include <vector>

#include "unbraid/model/model.h"

namespace unbraid {

/// One stream's way through a model: hop by hop, power to masks, with the states carried along.
class MaskEstimator {
 public:
  /// Runs the model once, so that its first-time costs and its errors come before the audio does.
  explicit MaskEstimator(std::shared_ptr<const Model> model);

  const Model& model() const { return *model_; }
  const std::shared_ptr<const Model>& shared_model() const { return model_; }
  float* power() { return power_.data(); }              // [num_bins], to be filled in
  const float* masks() const { return masks_.data(); }  // [num_stems][num_bins]

  /// One hop: bins are summed to the model's bands, and each bin gets its band's mask. Always one
  /// hop: at another number of frames per run the kernels round differently, and a result would
  /// depend on how the audio was cut up.
  void estimate();
  void reset();

 private:
  std::shared_ptr<const Model> model_;
  std::vector<float> power_;
  std::vector<float> masks_;
  ort::Tensor band_power_;
  ort::Tensor band_masks_;
  // Each run reads one set of states and writes the other; `bindings_` has both directions.
  std::vector<ort::Tensor> states_[2];
  ort::Bindings bindings_[2];
  int current_ = 0;
};

}  // namespace unbraid
