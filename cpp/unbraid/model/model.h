#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "unbraid/model/model_info.h"
#include "unbraid/model/ort.h"

namespace unbraid {

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

 private:
  void check_graph();

  std::string path_;
  std::unique_ptr<ort::Session> session_;
  ModelInfo info_;
  std::vector<StateInfo> states_;
};

}  // namespace unbraid
