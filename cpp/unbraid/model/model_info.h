#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "unbraid/dsp/stft.h"

namespace unbraid {

/// The file is no model of ours; the message names the file and what is wrong with it.
class ModelError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What is wrong with a file, in the order of the contract: the first thing is thrown as
/// ModelError, or all are collected for whoever makes a model.
class Problems {
 public:
  enum class Mode { kThrow, kCollect };
  explicit Problems(Mode mode) : mode_(mode) {}

  void add(const std::string& problem) {
    if (mode_ == Mode::kThrow) throw ModelError(problem);
    found_.push_back(problem);
  }
  /// Does part of the reading; false if it threw ModelError, which is added.
  template <typename Part>
  bool pass(Part part) {
    try {
      part();
      return true;
    } catch (const ModelError& error) {
      add(error.what());
      return false;
    }
  }
  bool none() const { return found_.empty(); }
  const std::vector<std::string>& found() const { return found_; }

 private:
  Mode mode_;
  std::vector<std::string> found_;
};

/// The metadata of an .onnx file, or the part of it under our prefix with the prefix cut off.
using Metadata = std::map<std::string, std::string>;

// What no model needs more of: see docs/own-model.md. They keep a stranger's file from asking for
// all memory, or for a delay that no host can make up for.
constexpr std::size_t kMaxStems = 32;
constexpr int kMaxOverlap = 16;  // hops in a window
constexpr double kMaxLatencySeconds = 10.0;
constexpr int kMaxEmbedding = 256;       // values of an embedding
constexpr std::size_t kMaxClusters = 8;  // stems that are made of embeddings

constexpr const char* kMid = "mid";
constexpr const char* kMidAndSide = "mid,side";

constexpr const char* kRealMask = "real";
constexpr const char* kEmbeddingMask = "embedding";

/// What a model file says about itself (`unbraid.*` in its metadata).
struct ModelInfo {
  std::string name;
  std::string task;
  std::vector<std::string> stem_names;
  std::vector<std::string> more_stem_names;  // found if asked for; of embeddings only
  double bin_hz = 0.0;
  int num_bins = 0;
  std::vector<int> band_edges;  // first bin of each band, then num_bins: what the graph sees
  double win_seconds = 0.0;
  double hop_seconds = 0.0;
  std::string window;
  int lookahead_frames = 0;
  std::vector<std::string> channels;  // of what the graph hears: the middle, and the side beside it
  std::string mask;
  int embedding = 0;       // values of each, where the mask is made of embeddings
  float sharpness = 0.0f;  // of the softmax over the cosines to the centres
  Metadata metadata;       // every entry, keys without the prefix

  int num_bands() const { return static_cast<int>(band_edges.size()) - 1; }
  /// 1, or 2 where power and masks are of the middle and of the side, in this order.
  int num_planes() const { return static_cast<int>(channels.size()); }
  int num_stems() const { return static_cast<int>(stem_names.size()); }
  int max_stems() const { return static_cast<int>(stem_names.size() + more_stem_names.size()); }

  /// Shapes of tensors of so many frames: (1, frames, bands) and (1, frames, stems, bands), each
  /// with a 2 behind the frames where there are two planes; and what that is for a frame.
  std::vector<std::int64_t> power_shape(int frames) const;
  std::vector<std::int64_t> masks_shape(int frames) const;
  std::size_t power_size() const;
  std::size_t masks_size() const;

  /// bins[num_bins] -> their sums over bands[num_bands].
  void sum_bands(const float* bins, float* bands) const;
  /// A mask of bands, [num_bands] -> of bins, [num_bins]: each its band's.
  void spread_mask(const float* band_mask, float* mask) const;

  /// Its frames at a host's sample rate; throws as stft_sizes does.
  Stft make_stft(double sample_rate) const;

  /// Whether it runs hop by hop; one of embeddings hears whole signals.
  bool streams() const { return mask != kEmbeddingMask; }
  /// Throws ModelError unless it streams.
  void check_streams() const;

  /// From a sample's entry to its exit at this rate. Throws as stft_sizes does.
  int latency_samples(double sample_rate) const;
};

/// The one reader of the contract between a model file and everything that runs it. `all`: the
/// file's metadata with full keys. Each problem names the key and what was expected; what depends
/// on an entry that has one stays as in a new ModelInfo.
ModelInfo parse_model_info(const Metadata& all, Problems& problems);

/// Throws ModelError for the first problem.
ModelInfo parse_model_info(const Metadata& all);

}  // namespace unbraid
