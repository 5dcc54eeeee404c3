#include "unbraid/model/graph_cut.h"

#include <algorithm>

#include "unbraid/model/protobuf.h"

namespace unbraid {
namespace {

// Numbers of fields in onnx.proto.
constexpr std::uint64_t kModelGraph = 7;
constexpr std::uint64_t kGraphNode = 1, kGraphName = 2, kGraphInitializer = 5, kGraphDoc = 10,
                        kGraphInput = 11, kGraphOutput = 12, kGraphValueInfo = 13,
                        kGraphMetadata = 16;
constexpr std::uint64_t kNodeInput = 1, kNodeOutput = 2, kNodeType = 4, kNodeAttribute = 5;
constexpr std::uint64_t kAttributeGraph = 6, kAttributeGraphs = 11;
constexpr std::uint64_t kTensorDims = 1, kTensorName = 8;
constexpr std::uint64_t kValueName = 1, kValueType = 2;
constexpr std::uint64_t kTypeTensor = 1, kTensorElement = 1, kTensorShape = 2;
constexpr std::uint64_t kShapeDimension = 1, kDimensionLength = 1;

// More than this on one side is not worth two sessions, and what is within so much of the best
// place is as good: two threads make up for it with the rest of the work.
constexpr double kMostOfWork = 0.85;
constexpr double kAsGood = 0.06;

/// How many values a tensor has; its bounds have been checked.
std::uint64_t num_values(std::string_view tensor) {
  std::uint64_t values = 1;
  for (auto fields = protobuf::fields(tensor); fields.next();) {
    if (fields.number() != kTensorDims) continue;
    protobuf::each_integer(fields, [&](std::uint64_t length) { values *= length; });
  }
  return values;
}

/// A length of a graph's input, 1 where it is left open or not there.
std::uint64_t length_of(std::string_view value_info, int axis) {
  const std::string_view type = protobuf::last(protobuf::last(value_info, kValueType), kTypeTensor);
  const std::string_view shape = protobuf::last(type, kTensorShape);
  std::uint64_t length = 1;
  protobuf::each(shape, kShapeDimension, [&](std::string_view dimension) {
    if (axis-- != 0) return;
    for (auto fields = protobuf::fields(dimension); fields.next();) {
      if (fields.number() == kDimensionLength && fields.is_integer()) length = fields.integer();
    }
  });
  return std::min<std::uint64_t>(length, 1 << 16);
}

std::string value_info(std::string_view name) {
  std::string value;
  protobuf::append(value, kValueName, name);
  return value;
}

std::string value_info(const ort::TensorInfo& tensor) {
  std::string shape, of_tensor, type;
  for (const std::int64_t length : tensor.shape) {
    std::string dimension;
    if (length >= 0)
      protobuf::append(dimension, kDimensionLength, static_cast<std::uint64_t>(length));
    protobuf::append(shape, kShapeDimension, dimension);
  }
  protobuf::append(of_tensor, kTensorElement, static_cast<std::uint64_t>(tensor.element));
  protobuf::append(of_tensor, kTensorShape, shape);
  protobuf::append(type, kTypeTensor, of_tensor);
  std::string value = value_info(tensor.name);
  protobuf::append(value, kValueType, type);
  return value;
}

}  // namespace

/// The places before each node, and what speaks for and against a cut there.
class GraphCut::Places {
 public:
  explicit Places(std::size_t num_nodes)
      : work_(num_nodes + 1), crossing_(num_nodes + 1), forbidden_(num_nodes + 1) {}

  void add_work(int node, std::uint64_t work) { work_[node + 1] += static_cast<double>(work); }
  /// Something crosses every cut between the two nodes.
  void add_crossing(int from, int to) { add(crossing_, from, to); }
  /// They stay together.
  void join(int from, int to) { add(forbidden_, from, to); }
  void forbid_before(int node) { add(forbidden_, 0, node); }
  void forbid_behind(int node) { add(forbidden_, node, static_cast<int>(work_.size()) - 1); }

  /// 0 if there is none.
  int best() {
    for (std::vector<double>* sums : {&work_, &crossing_, &forbidden_}) {
      for (std::size_t place = 1; place < sums->size(); ++place) {
        (*sums)[place] += (*sums)[place - 1];
      }
    }
    double least = kMostOfWork;
    for (std::size_t place = 0; place < work_.size(); ++place) {
      if (forbidden_[place] == 0.0) least = std::min(least, larger_part(place));
    }
    std::size_t best = 0;
    for (std::size_t place = 1; place < work_.size(); ++place) {
      if (forbidden_[place] > 0.0 || larger_part(place) > std::min(least + kAsGood, kMostOfWork)) {
        continue;
      }
      if (best == 0 || crossing_[place] < crossing_[best] ||
          (crossing_[place] == crossing_[best] && larger_part(place) < larger_part(best))) {
        best = place;
      }
    }
    return static_cast<int>(best);
  }

 private:
  static void add(std::vector<double>& sums, int from, int to) {
    sums[from + 1] += 1.0;
    if (static_cast<std::size_t>(to) + 1 < sums.size()) sums[to + 1] -= 1.0;
  }
  double larger_part(std::size_t place) const {
    const double all = work_.back();
    return all > 0.0 ? std::max(work_[place], all - work_[place]) / all : 1.0;
  }

  // Of each place; until best(), what it has more than the one before.
  std::vector<double> work_, crossing_, forbidden_;
};

GraphCut::GraphCut(std::string_view model) : model_(model) {
  read_graph(protobuf::last(model, kModelGraph));
  connect();
  choose_place();
}

void GraphCut::read_graph(std::string_view graph) {
  for (auto fields = protobuf::fields(graph); fields.next();) {
    const std::uint64_t number = fields.number();
    if (number == kGraphNode && fields.is_bytes()) {
      read_node(fields.take());
    } else if (number == kGraphName && fields.is_bytes()) {
      graph_name_ = fields.take();
    } else if (number == kGraphInitializer && fields.is_bytes()) {
      const std::string_view tensor = fields.take();
      constants_.push_back({protobuf::last(tensor, kTensorName), tensor});
    } else if (number == kGraphInput && fields.is_bytes()) {
      const std::string_view value = fields.take();
      inputs_.push_back({protobuf::last(value, kValueName), value});
    } else if (number == kGraphOutput && fields.is_bytes()) {
      const std::string_view value = fields.take();
      outputs_.push_back({protobuf::last(value, kValueName), value});
    } else if (number != kGraphDoc && number != kGraphValueInfo && number != kGraphMetadata) {
      throw ModelError("its graph has sparse tensors, or what else cannot be cut");
    }
  }
}

void GraphCut::read_node(std::string_view bytes) {
  Node node{bytes, protobuf::last(bytes, kNodeType), {}, {}, false};
  protobuf::each(bytes, kNodeInput, [&](std::string_view name) { node.inputs.push_back(name); });
  protobuf::each(bytes, kNodeOutput, [&](std::string_view name) {
    if (!name.empty()) node.outputs.push_back(name);
  });
  protobuf::each(bytes, kNodeAttribute, [&](std::string_view attribute) {
    for (auto fields = protobuf::fields(attribute); fields.next();) {
      if (fields.number() == kAttributeGraph || fields.number() == kAttributeGraphs) {
        throw ModelError("a node of its graph has a graph of its own");
      }
    }
  });
  nodes_.push_back(std::move(node));
}

void GraphCut::add_tensor(std::string_view name, const Tensor& tensor) {
  if (!tensors_.emplace(name, tensor).second) {
    throw ModelError("a name in its graph has two meanings");
  }
}

/// Finds who makes and who reads each tensor.
void GraphCut::connect() {
  Tensor constant;
  constant.is_constant = true;
  add_tensor("", constant);  // of an input that a node does without
  for (const Named& each : constants_) {
    constant.size = num_values(each.bytes);
    add_tensor(each.name, constant);
  }
  for (const Named& input : inputs_) {
    if (tensors_.count(input.name) > 0) continue;  // a constant's name
    Tensor tensor;
    tensor.rows = length_of(input.bytes, 1);
    add_tensor(input.name, tensor);
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) connect(static_cast<int>(i));
}

void GraphCut::connect(int index) {
  Node& node = nodes_[index];
  node.is_constant = node.type == "Constant" || !node.inputs.empty();
  Tensor made;
  for (const std::string_view name : node.inputs) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw ModelError("its nodes are not in the order of a run");
    node.is_constant = node.is_constant && found->second.is_constant;
    made.size = std::max(made.size, found->second.size);
  }
  for (const std::string_view name : node.inputs) {
    Tensor& tensor = tensors_.at(name);
    if (node.is_constant) break;  // it goes where it is wanted
    if (tensor.first_use < 0) tensor.first_use = index;
    tensor.last_use = index;
  }
  made.is_constant = node.is_constant;
  made.producer = index;
  for (const std::string_view name : node.outputs) add_tensor(name, made);
}

/// In multiplications, as far as the constants tell: most of a network's work is weights times
/// something, once a frame. A recurrent layer of several rows uses its weights for each of them.
std::uint64_t GraphCut::work(const Node& node) const {
  std::uint64_t values = 0;
  for (const std::string_view name : node.inputs) {
    const auto found = tensors_.find(name);
    if (found != tensors_.end() && found->second.is_constant) values += found->second.size;
  }
  constexpr std::size_t kInitialState = 5;
  const bool is_recurrent = node.type == "LSTM" || node.type == "GRU" || node.type == "RNN";
  if (!is_recurrent || node.inputs.size() <= kInitialState) return values;
  const auto state = tensors_.find(node.inputs[kInitialState]);
  return state == tensors_.end() ? values : values * state->second.rows;
}

void GraphCut::choose_place() {
  Places places(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].is_constant) places.add_work(static_cast<int>(i), work(nodes_[i]));
  }
  for (const auto& [name, tensor] : tensors_) {
    if (!tensor.is_constant && tensor.producer >= 0 && tensor.last_use >= 0) {
      places.add_crossing(tensor.producer, tensor.last_use);
    }
  }
  for (const Named& output : outputs_) bind_together(output.name, places);
  const auto power = tensors_.find("power");
  if (power == tensors_.end() || power->second.first_use < 0) {
    throw ModelError("its graph does not use `power`");
  }
  places.forbid_before(power->second.first_use);
  place_ = places.best();
  if (place_ == 0) {
    throw ModelError("no cut would leave each state, and a good part of the work, in one half");
  }
  for (const Node& node : nodes_) {
    for (const std::string_view name : node.outputs) {
      if (is_crossing(tensors_.at(name))) crossing_.push_back(name);
    }
  }
}

/// What an output of the graph keeps in one half.
void GraphCut::bind_together(std::string_view output, Places& places) const {
  const auto found = tensors_.find(output);
  if (found == tensors_.end() || found->second.producer < 0 || found->second.is_constant) {
    throw ModelError("an output of its graph is none of a node that runs each time");
  }
  const Tensor& tensor = found->second;
  // The caller has it, and may have the next one there before the second half has read it.
  if (tensor.last_use >= 0) places.join(tensor.producer, tensor.last_use);
  constexpr std::string_view kNext = "next_";
  const bool is_next = output.substr(0, kNext.size()) == kNext;
  const auto state = is_next ? tensors_.find(output.substr(kNext.size())) : tensors_.end();
  if (state == tensors_.end()) {
    places.forbid_behind(tensor.producer);  // the masks come last
  } else if (state->second.first_use >= 0) {
    places.join(std::min(state->second.first_use, tensor.producer),
                std::max(state->second.last_use, tensor.producer));
  }
}

bool GraphCut::is_crossing(const Tensor& tensor) const {
  return !tensor.is_constant && tensor.producer >= 0 && tensor.producer < place_ &&
         tensor.last_use >= place_;
}

std::vector<std::string> GraphCut::crossing() const { return {crossing_.begin(), crossing_.end()}; }

std::string GraphCut::first() const { return half(false, {}); }

std::string GraphCut::second(const std::vector<ort::TensorInfo>& crossing) const {
  return half(true, crossing);
}

/// All that nodes of that half, or the constants before them, read or make; and the file around it.
std::string GraphCut::half(bool second, const std::vector<ort::TensorInfo>& crossing) const {
  std::unordered_set<std::string_view> used;
  std::vector<bool> is_taken(nodes_.size());
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    const Node& node = nodes_[i];
    is_taken[i] = node.is_constant
                      ? std::any_of(node.outputs.begin(), node.outputs.end(),
                                    [&](std::string_view name) { return used.count(name) > 0; })
                      : in_half(static_cast<int>(i), second);
    if (is_taken[i]) used.insert(node.inputs.begin(), node.inputs.end());
  }
  std::string graph;
  protobuf::append(graph, kGraphName, graph_name_);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (is_taken[i]) protobuf::append(graph, kGraphNode, nodes_[i].bytes);
  }
  for (const Named& constant : constants_) {
    if (used.count(constant.name) > 0) protobuf::append(graph, kGraphInitializer, constant.bytes);
  }
  for (const Named& output : outputs_) {
    if (!in_half(tensors_.at(output.name).producer, second)) continue;
    protobuf::append(graph, kGraphOutput, output.bytes);
  }
  for (const Named& input : inputs_) {
    if (used.count(input.name) > 0) protobuf::append(graph, kGraphInput, input.bytes);
  }
  if (second) {
    for (const ort::TensorInfo& tensor : crossing) {
      protobuf::append(graph, kGraphInput, value_info(tensor));
    }
  } else {
    for (const std::string_view name : crossing_) {
      protobuf::append(graph, kGraphOutput, value_info(name));
    }
  }
  return with_graph(graph);
}

/// The file with another graph.
std::string GraphCut::with_graph(std::string_view graph) const {
  std::string model;
  for (auto fields = protobuf::fields(model_); fields.next();) {
    const std::uint64_t number = fields.number();
    if (number == kModelGraph) {
      protobuf::append(model, number, graph);
    } else if (fields.is_integer()) {
      protobuf::append(model, number, fields.integer());
    } else if (fields.is_bytes()) {
      protobuf::append(model, number, fields.take());
    }
  }
  return model;
}

}  // namespace unbraid
