#pragma once

#include <memory>
#include <vector>

#include "delay_line.h"
#include "model_files.h"
#include "parameters.h"
#include "separator.h"

namespace unbraid::plugin {

constexpr int kMaxChannels = 2;
constexpr std::size_t kMaxBlock = 512;  // larger ones are taken in parts

struct Setup {
  double sample_rate = 48000.0;
  int channels = 2;
  bool with_stems = false;

  bool operator==(const Setup& other) const {
    return sample_rate == other.sample_rate && channels == other.channels &&
           with_stems == other.with_stems;
  }
};

/// One loaded model at work for one plug-in: remix and stems, late by as much as the plug-in says,
/// whatever the model's own delay is.
class Voice {
 public:
  /// `latency_samples` at least the model's; `stem_names`: all that the plug-in has faders for.
  /// Throws what loading a model throws.
  Voice(const ModelFile& file, const Setup& setup, int latency_samples,
        const std::vector<std::string>& stem_names);

  /// input[channels][count], count <= kMaxBlock; gains[stem_names]. Throws as Stream does.
  void process(const float* const* input, std::size_t count, const std::vector<float>& gains);
  void reset();

  const float* remix(int channel) const { return output(0, channel); }
  /// Of stem_names; null for a stem that this model does not have.
  const float* stem(int stem, int channel) const {
    const int own = own_stem_[stem];
    return own < 0 ? nullptr : output(1 + own, channel);
  }
  int model_stems() const { return static_cast<int>(plugin_stem_.size()); }

  Voice* next_retired = nullptr;  // for Engine

 private:
  const float* output(int output, int channel) const {
    return outputs_[output * remixer_.channels() + channel].data();
  }

  Remixer remixer_;
  std::vector<int> own_stem_;                // [stem_names] -> the model's stem or -1
  std::vector<int> plugin_stem_;             // [the model's stems] -> index into stem_names
  std::vector<std::vector<float>> outputs_;  // [outputs * channels][kMaxBlock]
  std::vector<float*> output_rows_;
  std::vector<DelayLine> padding_;  // [outputs * channels], none if the delay is the model's own
};

}  // namespace unbraid::plugin
