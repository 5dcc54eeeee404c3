#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "unbraid/model/ort.h"

namespace unbraid {

/// Of a network.
enum Half { kFirstHalf = 0, kSecondHalf = 1 };

/// A model's network as two, see GraphCut. Immutable, and shared as the model is.
class Halves {
 public:
  /// Of an .onnx file that is a model. Throws ModelError that says why it cannot be cut, ort::Error
  /// if the runtime opens no halves of it.
  explicit Halves(std::string_view model);

  const ort::Session& session(Half half) const { return *sessions_[half]; }
  /// Whether it has an input or output of the whole network.
  bool has(Half half, const std::string& name) const;
  /// What the first half makes for the second, by name.
  const std::vector<std::string>& crossing() const { return crossing_; }

 private:
  void open(Half half, const std::string& bytes);

  std::unique_ptr<ort::Session> sessions_[2];
  std::vector<std::string> names_[2];  // of inputs and outputs
  std::vector<std::string> crossing_;
};

}  // namespace unbraid
