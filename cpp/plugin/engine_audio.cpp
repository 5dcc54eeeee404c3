#include <algorithm>
#include <cmath>
#include <exception>

#include "plugin/engine.h"

// The audio thread's part of the engine.
namespace unbraid::plugin {
namespace {

constexpr std::size_t kFadeSamples = 1024;
constexpr float kLoudest = 1e9f;

// What is no audio would stay in the model's memory for good.
float usable(float sample) { return std::abs(sample) <= kLoudest ? sample : 0.0f; }

}  // namespace

void Engine::reset() {
  switch_.settle();
  for (DelayLine& line : dry_) line.reset();
  started_ = false;
  if (LoadedModel* model = switch_.current()) {
    model->reset();
    status_ = Status::kReady;
  }
}

void Engine::process(const float* const* input, float* const* output, float* const* stems,
                     std::size_t num_samples) {
  read_gains();
  if (switch_.take_offer() && !started_) promote_newcomer();
  started_ = started_ || num_samples > 0;
  for (std::size_t done = 0; done < num_samples;) {
    const std::size_t count = std::min(num_samples - done, kMaxBlock);
    for (int channel = 0; channel < setup_.channels; ++channel) {
      std::transform(input[channel] + done, input[channel] + done + count, input_[channel].begin(),
                     usable);
      dry_[channel].push(input_[channel].data(), count);
    }
    process_block(output, stems, done, count);
    done += count;
  }
}

void Engine::read_gains() {
  const bool bypass = values_[parameters_.bypass()] != 0;
  const int solo = values_[parameters_.solo()] - 1;
  for (int stem = 0; stem < parameters_.num_stems(); ++stem) {
    // Bypassed the faders are up, so that switching fades and the model goes on listening.
    const bool silent = solo >= 0 && solo != stem;
    gains_[stem] = bypass ? 1.0f : silent ? 0.0f : linear_gains_[values_[stem]];
  }
}

void Engine::process_block(float* const* output, float* const* stems, std::size_t offset,
                           std::size_t count) {
  LoadedModel* model = switch_.current();
  if (model && model->process(input_rows_.data(), count, gains_)) {
    write(*model, output, stems, offset, count);
  } else {
    if (model) status_ = Status::kModelFailed;
    write_dry(output, stems, offset, count);
  }
  if (LoadedModel* newcomer = switch_.newcomer()) {
    if (newcomer->process(input_rows_.data(), count, gains_)) {
      fade_in(*newcomer, output, stems, offset, count);
    } else {
      reject_newcomer();
    }
  }
}

void Engine::write(const LoadedModel& model, float* const* output, float* const* stems,
                   std::size_t offset, std::size_t count) {
  const int num_stems = stems && setup_.with_stems ? parameters_.num_stems() : 0;
  for (int channel = 0; channel < setup_.channels; ++channel) {
    std::copy_n(model.remix(channel), count, output[channel] + offset);
    for (int stem = 0; stem < num_stems; ++stem) {
      float* row = stems[stem * setup_.channels + channel];
      const float* signal = model.stem(stem, channel);
      if (row && signal) std::copy_n(signal, count, row + offset);
      if (row && !signal) std::fill_n(row + offset, count, 0.0f);
    }
  }
}

void Engine::write_dry(float* const* output, float* const* stems, std::size_t offset,
                       std::size_t count) {
  const int num_stems = stems ? parameters_.num_stems() : 0;
  for (int channel = 0; channel < setup_.channels; ++channel) {
    dry_[channel].read(output[channel] + offset, count);
    for (int stem = 0; stem < num_stems; ++stem) {
      float* row = stems[stem * setup_.channels + channel];
      if (row) std::fill_n(row + offset, count, 0.0f);
    }
  }
}

void Engine::fade_in(const LoadedModel& newcomer, float* const* output, float* const* stems,
                     std::size_t offset, std::size_t count) {
  const std::size_t start = latency_ + kFadeSamples;
  const auto fade = [&](const float* from, float* to) {
    for (std::size_t i = 0; to && i < count; ++i) {
      const std::size_t heard = switch_.heard() + i;
      if (heard < start) continue;
      const float share =
          std::min(1.0f, static_cast<float>(heard - start) / static_cast<float>(kFadeSamples));
      to[offset + i] += share * ((from ? from[i] : 0.0f) - to[offset + i]);
    }
  };
  const int num_stems = stems && setup_.with_stems ? parameters_.num_stems() : 0;
  for (int channel = 0; channel < setup_.channels; ++channel) {
    fade(newcomer.remix(channel), output[channel]);
    for (int stem = 0; stem < num_stems; ++stem) {
      fade(newcomer.stem(stem, channel), stems[stem * setup_.channels + channel]);
    }
  }
  switch_.add_heard(count);
  if (switch_.heard() >= start + kFadeSamples) promote_newcomer();
}

void Engine::promote_newcomer() {
  switch_.promote();
  status_ = Status::kReady;
}

void Engine::reject_newcomer() {
  const int refused = switch_.newcomer()->index();
  switch_.reject();
  const LoadedModel* model = switch_.current();
  if (!model) {
    status_ = Status::kModelFailed;
    return;
  }
  int expected = refused;
  loaded_model_.compare_exchange_strong(expected, model->index());
  take_back_choice(refused, model->index());
}

}  // namespace unbraid::plugin
