#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugin/installed_models.h"
#include "plugin/parameters.h"
#include "unbraid/dsp/delay_line.h"
#include "unbraid/stream/remixer.h"

namespace unbraid::plugin {

constexpr int kMaxPluginChannels = 2;
constexpr std::size_t kMaxBlock = 8192;  // of a larger one, parts; the hops of a part share runs

struct Setup {
  double sample_rate = 48000.0;
  int channels = 2;
  bool with_stems = false;

  bool operator==(const Setup& other) const {
    return sample_rate == other.sample_rate && channels == other.channels &&
           with_stems == other.with_stems;
  }
};

/// One model at work for one plug-in: remix and stems, late by as much as the plug-in says,
/// whatever the model's own delay is.
class LoadedModel {
 public:
  /// `index`: of the plug-in's model parameter; `latency_samples` at least the model's;
  /// `stem_names`: all that the plug-in has faders for. Throws what loading a model throws.
  LoadedModel(const InstalledModel& installed, int index, const Setup& setup, int latency_samples,
              const std::vector<std::string>& stem_names);

  int index() const { return index_; }

  /// input[channels][count], count <= kMaxBlock; gains[stem_names]. False if the model failed, now
  /// or before: then nothing can be done about it until the next reset().
  bool process(const float* const* input, std::size_t count,
               const std::vector<float>& gains) noexcept;
  bool failed() const { return failed_; }
  void reset();

  const float* remix(int channel) const { return output(0, channel); }
  /// Of stem_names; null for a stem that this model does not have.
  const float* stem(int stem, int channel) const {
    const int own = own_stem_[stem];
    return own < 0 ? nullptr : output(1 + own, channel);
  }
  int model_stems() const { return static_cast<int>(plugin_stem_.size()); }

  LoadedModel* next_retired = nullptr;  // for ModelSwitch

 private:
  const float* output(int output, int channel) const {
    return outputs_[output * remixer_.channels() + channel].data();
  }

  int index_;
  Remixer remixer_;
  std::vector<int> own_stem_;                // [stem_names] -> the model's stem or -1
  std::vector<int> plugin_stem_;             // [the model's stems] -> index into stem_names
  std::vector<std::vector<float>> outputs_;  // [outputs * channels][kMaxBlock]
  std::vector<float*> output_rows_;
  std::vector<DelayLine> padding_;  // [outputs * channels], none if the delay is the model's own
  bool failed_ = false;
};

}  // namespace unbraid::plugin
