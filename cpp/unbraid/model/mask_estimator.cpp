#include "unbraid/model/mask_estimator.h"

#include <algorithm>
#include <cmath>

namespace unbraid {

MaskEstimator::Batch::Batch(const ModelInfo& info, int frames)
    : num_frames(frames),
      band_power({1, frames, info.num_bands()}),
      band_masks({1, frames, info.num_stems(), info.num_bands()}) {}

MaskEstimator::MaskEstimator(std::shared_ptr<const Model> model)
    : model_(std::move(model)),
      masks_(static_cast<std::size_t>(model_->info().num_stems()) * model_->info().num_bins) {
  model_->info().check_streams();
  for (auto& states : states_) {
    for (const StateInfo& state : model_->states()) states.emplace_back(state.shape);
  }
  reserve(1);
}

void MaskEstimator::reserve(int num_frames) {
  const ModelInfo& info = model_->info();
  const auto bands = static_cast<std::size_t>(info.num_stems()) * info.num_bands();
  power_.resize(std::max(power_.size(), static_cast<std::size_t>(num_frames) * info.num_bins));
  band_masks_.resize(std::max(band_masks_.size(), num_frames * bands));
  for (int frames = batches_.empty() ? 1 : 2 * batches_.back().num_frames; frames <= num_frames;
       frames *= 2) {
    bind(batches_.emplace_back(info, frames));
  }
}

void MaskEstimator::bind(Batch& batch) {
  for (int from : {0, 1}) {
    batch.bindings[from].input("power", batch.band_power);
    batch.bindings[from].output("masks", batch.band_masks);
    for (std::size_t i = 0; i < model_->states().size(); ++i) {
      const StateInfo& state = model_->states()[i];
      batch.bindings[from].input(state.name.c_str(), states_[from][i]);
      batch.bindings[from].output(state.next_name.c_str(), states_[1 - from][i]);
    }
  }
}

void MaskEstimator::warm_up() {
  for (Batch& batch : batches_) {
    batch.band_power.clear();
    model_->session().run(batch.bindings[current_], interrupt_);
    check_masks(batch.band_masks);
  }
}

void MaskEstimator::estimate(int num_frames) {
  int frame = 0;
  for (auto batch = batches_.rbegin(); batch != batches_.rend(); ++batch) {
    for (; num_frames - frame >= batch->num_frames; frame += batch->num_frames) run(*batch, frame);
  }
}

void MaskEstimator::run(Batch& batch, int first_frame) {
  const ModelInfo& info = model_->info();
  const int num_bands = info.num_bands();
  for (int frame = 0; frame < batch.num_frames; ++frame) {
    float* bands = batch.band_power.data() + frame * num_bands;
    info.sum_bands(power(first_frame + frame), bands);
    finite_ = finite_ && std::all_of(bands, bands + num_bands,
                                     [](float power) { return std::isfinite(power); });
  }
  model_->session().run(batch.bindings[current_], interrupt_);
  check_masks(batch.band_masks);
  current_ = 1 - current_;
  const std::size_t size = static_cast<std::size_t>(info.num_stems()) * num_bands;
  std::copy_n(batch.band_masks.data(), batch.band_masks.size(),
              band_masks_.data() + first_frame * size);
}

const float* MaskEstimator::masks(int frame) {
  const ModelInfo& info = model_->info();
  const std::vector<int>& edges = info.band_edges;
  const int num_bands = info.num_bands();
  const float* mask = band_masks_.data() + frame * info.num_stems() * num_bands;
  float* bin = masks_.data();
  for (int stem = 0; stem < info.num_stems(); ++stem) {
    for (int band = 0; band < num_bands; ++band) {
      bin = std::fill_n(bin, edges[band + 1] - edges[band], *mask++);
    }
  }
  return masks_.data();
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
  std::fill(power_.begin(), power_.end(), 0.0f);
  for (auto& states : states_) {
    for (ort::Tensor& state : states) state.clear();
  }
}

}  // namespace unbraid
