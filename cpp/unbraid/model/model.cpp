#include "unbraid/model/model.h"

#include <algorithm>

#include "unbraid/model/model_file.h"

namespace unbraid {
namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + (shape[i] < 0 ? std::string("T") : std::to_string(shape[i]));
  }
  return text + ")";
}

/// Takes the tensor of that name out of the list, after checking its type and shape.
ort::TensorInfo take(std::vector<ort::TensorInfo>& tensors, const std::string& role,
                     const std::string& name, const std::vector<std::int64_t>& shape) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(),
                   [&](const ort::TensorInfo& tensor) { return tensor.name == name; });
  if (found == tensors.end()) throw ModelError("the graph has no " + role + " `" + name + "`");
  ort::TensorInfo tensor = *found;
  tensors.erase(found);
  if (!tensor.is_float32) throw ModelError(role + " `" + name + "` must be a float32 tensor");
  if (tensor.shape != shape) {
    throw ModelError(role + " `" + name + "` must have shape " + shape_text(shape) + ", not " +
                     shape_text(tensor.shape));
  }
  return tensor;
}

bool is_state(const std::string& name) {
  const std::string suffix = "_state";
  return name.size() > suffix.size() &&
         name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
}

}  // namespace

Model::Model(const std::string& path) : path_(path) {
  const std::vector<char> bytes = read_model_file(path);
  try {
    try {
      session_ = std::make_unique<ort::Session>(bytes.data(), bytes.size());
    } catch (const ort::GraphError& error) {
      throw ModelError(std::string("not a usable ONNX file: ") + error.what());
    }
    info_ = parse_model_info(session_->metadata());
    check_graph();
  } catch (const ModelError& error) {
    throw ModelError(path + ": " + error.what());
  }
}

void Model::check_graph() {
  const std::int64_t any = -1;
  std::vector<ort::TensorInfo> inputs = session_->inputs();
  std::vector<ort::TensorInfo> outputs = session_->outputs();
  take(inputs, "input", "power", {1, any, info_.num_bands()});
  take(outputs, "output", "masks", {1, any, info_.num_stems(), info_.num_bands()});
  for (const ort::TensorInfo& input : inputs) {
    if (!is_state(input.name)) {
      throw ModelError("input `" + input.name + "` is neither `power` nor a `<x>_state`");
    }
    if (!input.is_float32) throw ModelError("input `" + input.name + "` must be a float32 tensor");
    if (std::any_of(input.shape.begin(), input.shape.end(), [](auto n) { return n < 1; })) {
      throw ModelError("input `" + input.name + "` must have a fixed shape, not " +
                       shape_text(input.shape));
    }
    take(outputs, "output", "next_" + input.name, input.shape);
    states_.push_back({input.name, "next_" + input.name, input.shape});
  }
  if (!outputs.empty()) {
    throw ModelError("output `" + outputs[0].name + "` is neither `masks` nor a state's next");
  }
}

}  // namespace unbraid
