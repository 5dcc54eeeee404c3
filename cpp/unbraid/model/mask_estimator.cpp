#include "unbraid/model/mask_estimator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace unbraid {

MaskEstimator::MaskEstimator(std::shared_ptr<const Model> model)
    : model_(std::move(model)),
      power_(model_->info().num_bins),
      masks_(static_cast<std::size_t>(model_->info().num_stems()) * model_->info().num_bins),
      band_power_({1, 1, model_->info().num_bands()}),
      band_masks_({1, 1, model_->info().num_stems(), model_->info().num_bands()}) {
  for (auto& states : states_) {
    for (const StateInfo& state : model_->states()) states.emplace_back(state.shape);
  }
  for (int from : {0, 1}) {
    bindings_[from].input("power", band_power_);
    bindings_[from].output("masks", band_masks_);
    for (std::size_t i = 0; i < model_->states().size(); ++i) {
      const StateInfo& state = model_->states()[i];
      bindings_[from].input(state.name.c_str(), states_[from][i]);
      bindings_[from].output(state.next_name.c_str(), states_[1 - from][i]);
    }
  }
}

void MaskEstimator::warm_up() {
  estimate();
  reset();
}

void MaskEstimator::estimate() {
  const ModelInfo& info = model_->info();
  const std::vector<int>& edges = info.band_edges;
  const int num_bands = info.num_bands();
  for (int band = 0; band < num_bands; ++band) {
    const float power =
        std::accumulate(power_.begin() + edges[band], power_.begin() + edges[band + 1], 0.0f);
    band_power_.data()[band] = power;
    finite_ = finite_ && std::isfinite(power);
  }
  model_->session().run(bindings_[current_], interrupt_);
  check_masks();
  current_ = 1 - current_;
  const float* mask = band_masks_.data();
  float* bin = masks_.data();
  for (int stem = 0; stem < info.num_stems(); ++stem) {
    for (int band = 0; band < num_bands; ++band) {
      bin = std::fill_n(bin, edges[band + 1] - edges[band], *mask++);
    }
  }
}

void MaskEstimator::check_masks() const {
  constexpr float kLow = -1e-3f, kHigh = 1.0f + 1e-3f;  // a softmax rounds
  const float* masks = band_masks_.data();
  const bool sound = std::all_of(masks, masks + band_masks_.size(), [this](float mask) {
    return (mask >= kLow && mask <= kHigh) || (std::isnan(mask) && !finite_);
  });
  if (!sound) throw ort::Error("the model's masks are not all between 0 and 1");
}

void MaskEstimator::reset() {
  interrupt_.clear();
  finite_ = true;
  current_ = 0;
  std::fill(power_.begin(), power_.end(), 0.0f);
  std::fill(masks_.begin(), masks_.end(), 0.0f);
  for (auto& states : states_) {
    for (ort::Tensor& state : states) state.clear();
  }
}

}  // namespace unbraid
