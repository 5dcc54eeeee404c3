#pragma once

#include <memory>
#include <vector>

#include "unbraid/model/model.h"

namespace unbraid {

/// One stream's way through a model: hop by hop, power to masks, with the states carried along.
class MaskEstimator {
 public:
  explicit MaskEstimator(std::shared_ptr<const Model> model);

  const Model& model() const { return *model_; }
  const std::shared_ptr<const Model>& shared_model() const { return model_; }
  float* power() { return power_.data(); }              // [num_bins], to be filled in
  const float* masks() const { return masks_.data(); }  // [num_stems][num_bins]

  /// A run that counts for nothing, so that first-time costs and errors come before the audio does.
  void warm_up();

  /// One hop: bins are summed to the model's bands, and each bin gets its band's mask. Always one
  /// hop: at another number of frames per run the kernels round differently, and a result would
  /// depend on how the audio was cut up. Throws ort::Error if the run fails or was interrupted, or
  /// if what comes out are no masks: not finite, or not between 0 and 1. After power that is not
  /// finite NaN is no surprise, until reset().
  void estimate();
  void reset();

  /// By any thread: estimate() fails, now and until reset().
  void interrupt() { interrupt_.set(); }

 private:
  std::shared_ptr<const Model> model_;
  std::vector<float> power_;
  std::vector<float> masks_;
  void check_masks() const;

  ort::Tensor band_power_;
  ort::Tensor band_masks_;
  // Each run reads one set of states and writes the other; `bindings_` has both directions.
  std::vector<ort::Tensor> states_[2];
  ort::Bindings bindings_[2];
  int current_ = 0;
  ort::Interrupt interrupt_;
  bool finite_ = true;  // all power since reset()
};

}  // namespace unbraid
