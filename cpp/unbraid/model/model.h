#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "unbraid/model/halves.h"
#include "unbraid/model/model_info.h"
#include "unbraid/model/ort.h"

namespace unbraid {

/// One recurrent or convolutional memory of the graph, zero at the start of a stream.
struct StateInfo {
  std::string name;       // the input, `<x>_state`
  std::string next_name;  // the output, `next_<x>_state`
  std::vector<std::int64_t> shape;
};

constexpr std::size_t kMaxStates = 256;
constexpr std::int64_t kMaxStateValues = std::int64_t{1} << 24;  // in all states of a model
constexpr int kMaxFramesPerRun = 16;    // a power of two; more bring next to nothing
constexpr double kMaxRunSeconds = 3.0;  // hundreds of times what a run in real time may take

class MaskEstimator;

/// A checked model file. Immutable: any number of streams and threads may share one.
class Model {
 public:
  /// Reads the file, checks all that can be known of it, and tries the graph for a few hops. Throws
  /// ModelError, std::filesystem::filesystem_error (the file cannot be read), ort::Error.
  explicit Model(const std::filesystem::path& path);

  /// All that keeps a file from being a model, a line each; none where it is one. Throws
  /// std::filesystem::filesystem_error, ort::Error (there is no ONNX Runtime).
  static std::vector<std::string> find_problems(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const ModelInfo& info() const { return info_; }
  const std::vector<StateInfo>& states() const { return states_; }
  const ort::Session& session() const { return *session_; }
  /// Nodes of the graph that each run goes through: what a hop costs follows their number.
  int num_nodes() const { return num_nodes_; }

  /// How many frames may go through the network in one run: kMaxFramesPerRun where masks and states
  /// come out the same to the bit as one by one, which a trial has shown, else 1.
  int frames_per_run() const { return one_frame_reason_.empty() ? kMaxFramesPerRun : 1; }
  /// Why it is 1, for people; empty otherwise.
  const std::string& one_frame_reason() const { return one_frame_reason_; }

  /// The network in two, for two threads; null where it cannot be cut, or where a trial shows that
  /// masks or states come out otherwise by a bit. The first call reads the file again and takes
  /// about as long as opening it. Any number of threads may call it. Throws std::bad_alloc.
  const Halves* halves() const;
  /// Why there are none, for people; empty otherwise. After halves().
  const std::string& one_piece_reason() const { return one_piece_reason_; }

 private:
  Model() = default;
  void load(Problems& problems);
  void check_graph(Problems& problems);
  void take_states(std::vector<ort::TensorInfo>& inputs, std::vector<ort::TensorInfo>& outputs,
                   Problems& problems);
  void try_out();
  void try_embeddings() const;
  std::string compare_runs() const;
  std::string compare_halves(const Halves& halves) const;
  template <typename Estimate>
  std::string find_difference(MaskEstimator& usual, MaskEstimator& other, Estimate estimate) const;
  void cut() const;

  std::filesystem::path path_;
  std::unique_ptr<ort::Session> session_;
  ModelInfo info_;
  std::vector<StateInfo> states_;
  int num_nodes_ = 0;
  std::string one_frame_reason_;
  // Made when they are first asked for.
  mutable std::once_flag cut_once_;
  mutable std::unique_ptr<const Halves> halves_;
  mutable std::string one_piece_reason_;
};

}  // namespace unbraid
