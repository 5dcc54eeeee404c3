#pragma once

#include <memory>
#include <vector>

#include "unbraid/model/model.h"

namespace unbraid {

/// One stream's way through a model: power of bands to their masks, hop by hop or several hops at
/// once, with the states carried along.
class MaskEstimator {
 public:
  explicit MaskEstimator(std::shared_ptr<const Model> model);

  const Model& model() const { return *model_; }
  const std::shared_ptr<const Model>& shared_model() const { return model_; }

  /// Makes room for so many frames at once, and keeps the states; never for fewer than before.
  void reserve(int num_frames);
  /// Runs that count for nothing, so that first-time costs and errors come before the audio does.
  void warm_up();

  /// power[num_frames][num_bands] -> masks[num_frames][num_stems][num_bands]. Frames go through the
  /// network in as few runs as their number and the room for them allow. Throws ort::Error if a run
  /// fails or was interrupted, or if what comes out are no masks: not finite, or not between 0 and
  /// 1. After power that is not finite NaN is no surprise, until reset().
  void estimate(const float* power, int num_frames, float* masks);

  /// states()[i] of the model after the last frame.
  const ort::Tensor& state(std::size_t i) const { return states_[current_][i]; }
  void reset();

  /// By any thread: estimate() fails, now and until reset().
  void interrupt() { interrupt_.set(); }

 private:
  /// A number of frames that goes through the network in one run.
  struct Batch {
    Batch(const ModelInfo& info, int num_frames);

    int num_frames;
    ort::Tensor power;
    ort::Tensor masks;
    ort::Bindings bindings[2];
  };

  void bind(Batch& batch);
  void run(Batch& batch, const float* power, float* masks);
  void check_masks(const ort::Tensor& masks) const;

  std::shared_ptr<const Model> model_;
  std::vector<Batch> batches_;  // of 1, 2, 4, ... frames
  // Each run reads one set of states and writes the other; bindings have both directions.
  std::vector<ort::Tensor> states_[2];
  int current_ = 0;
  ort::Interrupt interrupt_;
  bool finite_ = true;  // all power since reset()
};

}  // namespace unbraid
