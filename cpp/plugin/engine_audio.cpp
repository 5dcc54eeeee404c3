#include <algorithm>
#include <cmath>
#include <exception>

#include "engine.h"

// The audio thread's part of the engine.
namespace unbraid::plugin {
namespace {

constexpr std::size_t kFadeSamples = 1024;
constexpr float kLoudest = 1e9f;

// What is no audio would stay in the model's memory for good.
float usable(float sample) { return std::abs(sample) <= kLoudest ? sample : 0.0f; }

}  // namespace

void Engine::reset() {
  if (next_voice_) take_next_voice();
  for (DelayLine& line : dry_) line.reset();
  if (voice_) voice_->reset();
  started_ = false;
  failed_ = false;
  if (voice_) status_ = Status::kReady;
}

void Engine::process(const float* const* input, float* const* output, float* const* stems,
                     std::size_t num_samples) {
  read_gains();
  if (!next_voice_ && incoming_.load(std::memory_order_relaxed)) {
    next_voice_.reset(incoming_.exchange(nullptr));
    next_voice_heard_ = 0;
    if (!started_) take_next_voice();
  }
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
  if (voice_ && run(*voice_, count)) {
    write_voice(*voice_, output, stems, offset, count);
  } else {
    const int num_stems = stems ? parameters_.num_stems() : 0;
    for (int channel = 0; channel < setup_.channels; ++channel) {
      dry_[channel].read(output[channel] + offset, count);
      for (int stem = 0; stem < num_stems; ++stem) {
        float* row = stems[stem * setup_.channels + channel];
        if (row) std::fill_n(row + offset, count, 0.0f);
      }
    }
  }
  if (next_voice_ && run(*next_voice_, count)) {
    fade_in(*next_voice_, output, stems, offset, count);
  }
}

bool Engine::run(Voice& voice, std::size_t count) {
  if (failed_) return false;
  try {
    voice.process(input_rows_.data(), count, gains_);
    return true;
  } catch (const std::exception&) {  // nothing to be done about it until the next reset
    failed_ = true;
    status_ = Status::kModelFailed;
    return false;
  }
}

void Engine::write_voice(const Voice& voice, float* const* output, float* const* stems,
                         std::size_t offset, std::size_t count) {
  const int num_stems = stems && setup_.with_stems ? parameters_.num_stems() : 0;
  for (int channel = 0; channel < setup_.channels; ++channel) {
    std::copy_n(voice.remix(channel), count, output[channel] + offset);
    for (int stem = 0; stem < num_stems; ++stem) {
      float* row = stems[stem * setup_.channels + channel];
      const float* signal = voice.stem(stem, channel);
      if (row && signal) std::copy_n(signal, count, row + offset);
      if (row && !signal) std::fill_n(row + offset, count, 0.0f);
    }
  }
}

void Engine::fade_in(const Voice& voice, float* const* output, float* const* stems,
                     std::size_t offset, std::size_t count) {
  const std::size_t start = latency_ + kFadeSamples;
  const auto fade = [&](const float* from, float* to) {
    for (std::size_t i = 0; to && i < count; ++i) {
      const std::size_t heard = next_voice_heard_ + i;
      if (heard < start) continue;
      const float share =
          std::min(1.0f, static_cast<float>(heard - start) / static_cast<float>(kFadeSamples));
      to[offset + i] += share * ((from ? from[i] : 0.0f) - to[offset + i]);
    }
  };
  const int num_stems = stems && setup_.with_stems ? parameters_.num_stems() : 0;
  for (int channel = 0; channel < setup_.channels; ++channel) {
    fade(voice.remix(channel), output[channel]);
    for (int stem = 0; stem < num_stems; ++stem) {
      fade(voice.stem(stem, channel), stems[stem * setup_.channels + channel]);
    }
  }
  next_voice_heard_ += count;
  if (next_voice_heard_ >= start + kFadeSamples) take_next_voice();
}

/// Puts the old voice aside: deleting it is for the main thread.
void Engine::take_next_voice() {
  Voice* old = voice_.release();
  voice_ = std::move(next_voice_);
  if (!old) return;
  old->next_retired = retired_.load(std::memory_order_relaxed);
  while (!retired_.compare_exchange_weak(old->next_retired, old)) {
  }
}

}  // namespace unbraid::plugin
