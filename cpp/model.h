#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ort.h"

namespace unbraid {

/// The file is no model of ours; the message names the file and what is wrong with it.
class ModelError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What a model file says about itself (`unbraid.*` in its metadata).
struct ModelInfo {
  std::string name;
  std::string task;
  std::vector<std::string> stem_names;
  double bin_hz;
  int num_bins;
  std::vector<int> band_edges;  // first bin of each band, then num_bins: what the graph sees
  double win_seconds;
  double hop_seconds;
  std::string window;
  int lookahead_frames;
  std::string mask;
  std::map<std::string, std::string> metadata;  // every entry, keys without the prefix

  int num_bands() const { return static_cast<int>(band_edges.size()) - 1; }
  int num_stems() const { return static_cast<int>(stem_names.size()); }
};

/// One recurrent or convolutional memory of the graph, zero at the start of a stream.
struct StateInfo {
  std::string name;       // the input, `<x>_state`
  std::string next_name;  // the output, `next_<x>_state`
  std::vector<std::int64_t> shape;
};

/// A checked model file. Immutable: any number of streams and threads may share one.
class Model {
 public:
  /// Throws ModelError, std::filesystem::filesystem_error (the file cannot be read), ort::Error.
  explicit Model(const std::string& path);

  const std::string& path() const { return path_; }
  const ModelInfo& info() const { return info_; }
  const std::vector<StateInfo>& states() const { return states_; }
  const ort::Session& session() const { return *session_; }

  /// From a sample's entry to its exit at this rate. Throws as stft_sizes does.
  int latency_samples(double sample_rate) const;

 private:
  void read_metadata();
  void check_graph();

  std::string path_;
  std::unique_ptr<ort::Session> session_;
  ModelInfo info_;
  std::vector<StateInfo> states_;
};

/// One stream's way through a model: hop by hop, power to masks, with the states carried along.
class MaskEstimator {
 public:
  /// Runs the model once, so that its first-time costs and its errors come before the audio does.
  explicit MaskEstimator(std::shared_ptr<const Model> model);

  const Model& model() const { return *model_; }
  const std::shared_ptr<const Model>& shared_model() const { return model_; }
  float* power() { return power_.data(); }              // [num_bins], to be filled in
  const float* masks() const { return masks_.data(); }  // [num_stems][num_bins]

  /// One hop: bins are summed to the model's bands, and each bin gets its band's mask. Always one
  /// hop: at another number of frames per run the kernels round differently, and a result would
  /// depend on how the audio was cut up.
  void estimate();
  void reset();

 private:
  std::shared_ptr<const Model> model_;
  std::vector<float> power_;
  std::vector<float> masks_;
  ort::Tensor band_power_;
  ort::Tensor band_masks_;
  // Each run reads one set of states and writes the other; `bindings_` has both directions.
  std::vector<ort::Tensor> states_[2];
  ort::Bindings bindings_[2];
  int current_ = 0;
};

}  // namespace unbraid
