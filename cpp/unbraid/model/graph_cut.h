#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "unbraid/model/ort.h"

namespace unbraid {

/// Where the graph of an .onnx file can be cut in two, so that one thread runs the first half with
/// the next frames while another runs the second with these. Each state and what follows it stay
/// in one half. Of all such places it is one with about as much work before it as behind, and few
/// tensors that cross it; nodes that only constants lead to go to each half that wants them.
class GraphCut {
 public:
  /// Of bytes that the runtime takes for a model, and that outlive this. Throws ModelError that
  /// says why it cannot be cut.
  explicit GraphCut(std::string_view model);

  /// What the first half makes for the second, by name.
  std::vector<std::string> crossing() const;

  /// The halves as .onnx files. What crosses is an output of the first half, where the runtime
  /// finds its type and shape; the second takes these `crossing` tensors as inputs.
  std::string first() const;
  std::string second(const std::vector<ort::TensorInfo>& crossing) const;

 private:
  struct Node {
    std::string_view bytes;
    std::string_view type;
    std::vector<std::string_view> inputs;
    std::vector<std::string_view> outputs;
    bool is_constant = false;  // only constants lead to it
  };
  struct Tensor {
    bool is_constant = false;
    std::uint64_t size = 0;  // values, of a constant
    std::uint64_t rows = 1;  // the second length, of a graph's input
    int producer = -1;       // the node that makes it; none of a graph's input
    int first_use = -1;      // the nodes that read it
    int last_use = -1;
  };
  struct Named {
    std::string_view name;
    std::string_view bytes;
  };
  class Places;

  void read_graph(std::string_view graph);
  void read_node(std::string_view bytes);
  void add_tensor(std::string_view name, const Tensor& tensor);
  void connect();
  void connect(int index);
  std::uint64_t work(const Node& node) const;
  void choose_place();
  void bind_together(std::string_view output, Places& places) const;
  bool is_crossing(const Tensor& tensor) const;
  bool in_half(int node, bool second) const { return (node >= place_) == second; }
  std::string half(bool second, const std::vector<ort::TensorInfo>& crossing) const;
  std::string with_graph(std::string_view graph) const;

  std::string_view model_;
  std::string_view graph_name_;
  std::vector<Node> nodes_;  // in an order in which they can be run
  std::vector<Named> constants_, inputs_, outputs_;
  std::unordered_map<std::string_view, Tensor> tensors_;
  std::vector<std::string_view> crossing_;
  int place_ = 0;  // the first node of the second half
};

}  // namespace unbraid
