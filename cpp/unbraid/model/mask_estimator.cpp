#include "unbraid/model/mask_estimator.h"

#include <algorithm>
#include <cmath>

namespace unbraid {

MaskEstimator::Batch::Batch(const ModelInfo& info, int frames)
    : num_frames(frames),
      power({1, frames, info.num_bands()}),
      masks({1, frames, info.num_stems(), info.num_bands()}) {}

MaskEstimator::MaskEstimator(std::shared_ptr<const Model> model) : model_(std::move(model)) {
  model_->info().check_streams();
  for (auto& states : states_) {
    for (const StateInfo& state : model_->states()) states.emplace_back(state.shape);
  }
  reserve(1);
}

void MaskEstimator::reserve(int num_frames) {
  for (int frames = batches_.empty() ? 1 : 2 * batches_.back().num_frames; frames <= num_frames;
       frames *= 2) {
    bind(batches_.emplace_back(model_->info(), frames));
  }
}

void MaskEstimator::bind(Batch& batch) {
  for (int from : {0, 1}) {
    batch.bindings[from].input("power", batch.power);
    batch.bindings[from].output("masks", batch.masks);
    for (std::size_t i = 0; i < model_->states().size(); ++i) {
      const StateInfo& state = model_->states()[i];
      batch.bindings[from].input(state.name.c_str(), states_[from][i]);
      batch.bindings[from].output(state.next_name.c_str(), states_[1 - from][i]);
    }
  }
}

void MaskEstimator::warm_up() {
  for (Batch& batch : batches_) {
    batch.power.clear();
    model_->session().run(batch.bindings[current_], interrupt_);
    check_masks(batch.masks);
  }
}

void MaskEstimator::estimate(const float* power, int num_frames, float* masks) {
  const ModelInfo& info = model_->info();
  for (auto batch = batches_.rbegin(); batch != batches_.rend(); ++batch) {
    for (; num_frames >= batch->num_frames; num_frames -= batch->num_frames) {
      run(*batch, power, masks);
      power += batch->num_frames * info.num_bands();
      masks += batch->masks.size();
    }
  }
}

void MaskEstimator::run(Batch& batch, const float* power, float* masks) {
  const float* end = power + batch.power.size();
  finite_ = finite_ && std::all_of(power, end, [](float each) { return std::isfinite(each); });
  std::copy(power, end, batch.power.data());
  model_->session().run(batch.bindings[current_], interrupt_);
  check_masks(batch.masks);
  current_ = 1 - current_;
  std::copy_n(batch.masks.data(), batch.masks.size(), masks);
}

void MaskEstimator::check_masks(const ort::Tensor& masks) const {
  constexpr float kLow = -1e-3f, kHigh = 1.0f + 1e-3f;  // a softmax rounds
  const bool sound = std::all_of(masks.data(), masks.data() + masks.size(), [this](float mask) {
    return (mask >= kLow && mask <= kHigh) || (std::isnan(mask) && !finite_);
  });
  if (!sound) throw ort::Error("the model's masks are not all between 0 and 1");
}

void MaskEstimator::reset() {
  interrupt_.clear();
  finite_ = true;
  current_ = 0;
  for (auto& states : states_) {
    for (ort::Tensor& state : states) state.clear();
  }
}

}  // namespace unbraid
