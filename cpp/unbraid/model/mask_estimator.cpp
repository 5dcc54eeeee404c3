#include "unbraid/model/mask_estimator.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace unbraid {

MaskEstimator::Batch::Batch(const ModelInfo& info, int frames)
    : num_frames(frames), power(info.power_shape(frames)), masks(info.masks_shape(frames)) {}

MaskEstimator::Batch::InHalves::InHalves(const ModelInfo& info, int frames)
    : second_power(info.power_shape(frames)) {}

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
    Batch& batch = batches_.emplace_back(model_->info(), frames);
    bind(batch);
    if (halves_) bind_halves(batch);
  }
}

void MaskEstimator::halve(const Halves& halves) {
  halves_ = &halves;
  for (Batch& batch : batches_) bind_halves(batch);
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

void MaskEstimator::bind_halves(Batch& batch) {
  batch.in_halves = std::make_unique<Batch::InHalves>(model_->info(), batch.num_frames);
  for (int from : {0, 1}) {
    for (const Half half : {kFirstHalf, kSecondHalf}) bind_half(batch, half, from);
    batch.in_halves->bindings[kSecondHalf][from].output("masks", batch.masks);
    for (const std::string& name : halves_->crossing()) {
      batch.in_halves->bindings[kFirstHalf][from].made_output(name.c_str());
      batch.in_halves->bindings[kSecondHalf][from].given_input(name.c_str());
    }
  }
}

/// What it has of the whole network's inputs and states.
void MaskEstimator::bind_half(Batch& batch, Half half, int from) {
  ort::Bindings& bindings = batch.in_halves->bindings[half][from];
  ort::Tensor& power = half == kFirstHalf ? batch.power : batch.in_halves->second_power;
  if (halves_->has(half, "power")) bindings.input("power", power);
  for (std::size_t i = 0; i < model_->states().size(); ++i) {
    const StateInfo& state = model_->states()[i];
    const char *name = state.name.c_str(), *next_name = state.next_name.c_str();
    if (halves_->has(half, name)) bindings.input(name, states_[from][i]);
    if (halves_->has(half, next_name)) bindings.output(next_name, states_[1 - from][i]);
  }
}

void MaskEstimator::warm_up() {
  for (Batch& batch : batches_) {
    batch.power.clear();
    model_->session().run(batch.bindings[current_[kFirstHalf]], interrupts_[kFirstHalf]);
    check_masks(batch.masks, finite_);
  }
}

template <typename Run>
void MaskEstimator::run_batches(int num_frames, Run run) {
  for (auto batch = batches_.rbegin(); batch != batches_.rend(); ++batch) {
    for (; num_frames >= batch->num_frames; num_frames -= batch->num_frames) run(*batch);
  }
}

void MaskEstimator::estimate(const float* power, int num_frames, float* masks) {
  run_batches(num_frames, [&](Batch& batch) {
    run(batch, power, masks);
    power += batch.power.size();
    masks += batch.masks.size();
  });
}

std::vector<MaskEstimator::Halfway> MaskEstimator::begin(const float* power, int num_frames) {
  std::vector<Halfway> begun;
  if (!halves_) return begun;
  run_batches(num_frames, [&](Batch& batch) {
    begun.push_back(run_first(batch, power));
    power += batch.power.size();
  });
  return begun;
}

void MaskEstimator::finish(std::vector<Halfway> begun, const float* power, int num_frames,
                           float* masks) {
  if (!halves_) {
    estimate(power, num_frames, masks);
    return;
  }
  auto next = begun.begin();
  run_batches(num_frames, [&](Batch& batch) {
    if (next == begun.end()) throw std::logic_error("the first half has not had these hops");
    run_second(batch, *next++, power, masks);
    power += batch.power.size();
    masks += batch.masks.size();
  });
}

void MaskEstimator::run(Batch& batch, const float* power, float* masks) {
  const bool finite = note_finite(power, batch.power.size());
  std::copy_n(power, batch.power.size(), batch.power.data());
  model_->session().run(batch.bindings[current_[kFirstHalf]], interrupts_[kFirstHalf]);
  check_masks(batch.masks, finite);
  for (int& current : current_) current = 1 - current;
  std::copy_n(batch.masks.data(), batch.masks.size(), masks);
}

MaskEstimator::Halfway MaskEstimator::run_first(Batch& batch, const float* power) {
  const bool finite = note_finite(power, batch.power.size());
  int& current = current_[kFirstHalf];
  ort::Bindings& bindings = batch.in_halves->bindings[kFirstHalf][current];
  std::copy_n(power, batch.power.size(), batch.power.data());
  halves_->session(kFirstHalf).run(bindings, interrupts_[kFirstHalf]);
  current = 1 - current;
  return {bindings.take(), finite};
}

void MaskEstimator::run_second(Batch& batch, const Halfway& begun, const float* power,
                               float* masks) {
  int& current = current_[kSecondHalf];
  ort::Bindings& bindings = batch.in_halves->bindings[kSecondHalf][current];
  std::copy_n(power, batch.power.size(), batch.in_halves->second_power.data());
  bindings.give(begun.values);
  halves_->session(kSecondHalf).run(bindings, interrupts_[kSecondHalf]);
  check_masks(batch.masks, begun.finite);
  current = 1 - current;
  std::copy_n(batch.masks.data(), batch.masks.size(), masks);
}

/// Whether all power since reset() is finite, this too.
bool MaskEstimator::note_finite(const float* power, std::size_t size) {
  finite_ =
      finite_ && std::all_of(power, power + size, [](float each) { return std::isfinite(each); });
  return finite_;
}

void MaskEstimator::check_masks(const ort::Tensor& masks, bool finite) {
  constexpr float kLow = -1e-3f, kHigh = 1.0f + 1e-3f;  // a softmax rounds
  const bool sound = std::all_of(masks.data(), masks.data() + masks.size(), [finite](float mask) {
    return (mask >= kLow && mask <= kHigh) || (std::isnan(mask) && !finite);
  });
  if (!sound) throw ort::Error("the model's masks are not all between 0 and 1");
}

void MaskEstimator::reset() {
  for (ort::Interrupt& interrupt : interrupts_) interrupt.clear();
  finite_ = true;
  for (int& current : current_) current = 0;
  for (auto& states : states_) {
    for (ort::Tensor& state : states) state.clear();
  }
}

}  // namespace unbraid
