#pragma once

#include <memory>
#include <vector>

#include "unbraid/model/halves.h"
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

  /// power[num_frames][num_planes][num_bands] ->
  /// masks[num_frames][num_planes][num_stems][num_bands]. Frames go through the network in as few
  /// runs as their number and the room for them allow. Throws ort::Error if a run fails or was
  /// interrupted, or if what comes out are no masks: not finite, or not between 0 and 1. After
  /// power that is not finite NaN is no surprise, until reset().
  void estimate(const float* power, int num_frames, float* masks);

  /// Lets begin() and finish() share the work: halves of this model, which outlive this. Allocates.
  void halve(const Halves& halves);

  /// What the first half of the network made of frames, for the second: of each run.
  struct Halfway {
    std::vector<ort::Value> values;
    bool finite;  // all power so far
  };
  /// The same as estimate() in two steps, which two threads may take at once, one of them with
  /// later frames; each step takes all frames in their order. Without halves the second does all.
  /// finish() throws std::logic_error for frames that were not begun.
  std::vector<Halfway> begin(const float* power, int num_frames);
  void finish(std::vector<Halfway> begun, const float* power, int num_frames, float* masks);

  /// states()[i] of the model after the last frame that has masks.
  const ort::Tensor& state(std::size_t i) const { return states_[current_[kSecondHalf]][i]; }
  void reset();

  /// By any thread: begin() or finish() fails, now and until reset().
  void interrupt(Half half) { interrupts_[half].set(); }
  /// And so does estimate().
  void interrupt() {
    interrupt(kFirstHalf);
    interrupt(kSecondHalf);
  }

 private:
  /// A number of frames that goes through the network in one run.
  struct Batch {
    Batch(const ModelInfo& info, int num_frames);

    int num_frames;
    ort::Tensor power;
    ort::Tensor masks;
    ort::Bindings bindings[2];

    /// The second half may be at work with other frames than the first.
    struct InHalves {
      InHalves(const ModelInfo& info, int num_frames);

      ort::Tensor second_power;
      ort::Bindings bindings[2][2];  // [half][from]
    };
    std::unique_ptr<InHalves> in_halves;
  };

  /// Does `run(batch)` as often as it takes, with the largest batches that there are.
  template <typename Run>
  void run_batches(int num_frames, Run run);
  void bind(Batch& batch);
  void bind_halves(Batch& batch);
  void bind_half(Batch& batch, Half half, int from);
  void run(Batch& batch, const float* power, float* masks);
  Halfway run_first(Batch& batch, const float* power);
  void run_second(Batch& batch, const Halfway& begun, const float* power, float* masks);
  bool note_finite(const float* power, std::size_t size);
  static void check_masks(const ort::Tensor& masks, bool finite);

  std::shared_ptr<const Model> model_;
  std::vector<Batch> batches_;  // of 1, 2, 4, ... frames
  const Halves* halves_ = nullptr;
  // Each run reads one set of states and writes the other; bindings have both directions.
  std::vector<ort::Tensor> states_[2];
  int current_[2] = {0, 0};  // which set the next run of each half reads
  ort::Interrupt interrupts_[2];
  bool finite_ = true;  // all power since reset()
};

}  // namespace unbraid
