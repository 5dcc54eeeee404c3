#include "unbraid/model/tensor_data.h"

#include <string>

#include "unbraid/model/protobuf.h"
#include "unbraid/model/text.h"

namespace unbraid {
namespace {

constexpr int kMaxDepth = 100;                 // as protobuf's own reader
constexpr std::uint64_t kMaxFields = 1 << 22;  // a node has a dozen

enum class Kind { kModel, kTraining, kFunction, kGraph, kNode, kAttribute, kTensor, kSparse };

/// Which fields of a message hold a message that may lead to a tensor.
struct Child {
  Kind parent;
  std::uint64_t number;
  Kind kind;
  bool repeated;
};
constexpr Child kChildren[] = {
    {Kind::kModel, 7, Kind::kGraph, false},        {Kind::kModel, 20, Kind::kTraining, true},
    {Kind::kModel, 25, Kind::kFunction, true},     {Kind::kTraining, 1, Kind::kGraph, false},
    {Kind::kTraining, 2, Kind::kGraph, false},     {Kind::kFunction, 7, Kind::kNode, true},
    {Kind::kFunction, 11, Kind::kAttribute, true}, {Kind::kGraph, 1, Kind::kNode, true},
    {Kind::kGraph, 5, Kind::kTensor, true},        {Kind::kGraph, 15, Kind::kSparse, true},
    {Kind::kNode, 5, Kind::kAttribute, true},      {Kind::kAttribute, 5, Kind::kTensor, false},
    {Kind::kAttribute, 6, Kind::kGraph, false},    {Kind::kAttribute, 10, Kind::kTensor, true},
    {Kind::kAttribute, 11, Kind::kGraph, true},    {Kind::kAttribute, 22, Kind::kSparse, false},
    {Kind::kAttribute, 23, Kind::kSparse, true},   {Kind::kSparse, 1, Kind::kTensor, false},
    {Kind::kSparse, 2, Kind::kTensor, false},
};

/// How many values a shape has: its numbers come one by one.
class Extent {
 public:
  void add(std::uint64_t length) {
    if (length > kMaxTensorValues) throw_too_large();  // a negative one, too
    values_ *= length;
    if (values_ > kMaxTensorValues) throw_too_large();
  }
  std::uint64_t values() const { return values_; }

  [[noreturn]] static void throw_too_large() {
    throw ModelError("its tensors have more than " + std::to_string(kMaxTensorValues) + " values");
  }

 private:
  std::uint64_t values_ = 1;
};

class Walk {
 public:
  void message(Kind kind, std::string_view bytes, int depth) {
    if (depth > kMaxDepth) throw ModelError("its graph is nested too deeply");
    if (kind == Kind::kTensor) {
      tensor(bytes);
      return;
    }
    std::uint64_t seen = 0;  // a bit for each of the children
    Extent extent;
    for (auto fields = protobuf::fields(bytes); fields.next();) {
      count_field();
      if (kind == Kind::kSparse && fields.number() == 3) add_lengths(fields, extent);
      const Child* child = child_of(kind, fields.number());
      if (!child || !fields.is_bytes()) continue;
      // Protobuf would make one of two, which nobody has looked at.
      const std::uint64_t bit = std::uint64_t{1} << (child - kChildren);
      if ((seen & bit) != 0 && !child->repeated) protobuf::fail();
      seen |= bit;
      message(child->kind, fields.take(), depth + 1);
    }
    if (kind == Kind::kSparse) count(extent);
  }

 private:
  static const Child* child_of(Kind parent, std::uint64_t number) {
    for (const Child& child : kChildren) {
      if (child.parent == parent && child.number == number) return &child;
    }
    return nullptr;
  }

  void tensor(std::string_view bytes) {
    constexpr std::uint64_t kDims = 1, kName = 8, kExternalData = 13, kDataLocation = 14;
    std::string_view name;
    bool external = false;
    Extent extent;
    for (auto fields = protobuf::fields(bytes); fields.next();) {
      count_field();
      switch (fields.number()) {
        case kDims:
          add_lengths(fields, extent);
          break;
        case kName:
          if (fields.is_bytes()) name = fields.take();
          break;
        case kExternalData:
          external = true;
          break;
        case kDataLocation:  // 0 is "in this file"
          external = external || !fields.is_integer() || fields.integer() != 0;
          break;
        default:
          break;
      }
    }
    if (external) {
      throw ModelError("tensor `" + printable(name, 80) +
                       "` keeps its data outside of the file; save the model in one piece");
    }
    count(extent);
  }

  static void add_lengths(protobuf::Fields<protobuf::Memory>& fields, Extent& extent) {
    protobuf::each_integer(fields, [&](std::uint64_t length) { extent.add(length); });
  }

  void count(const Extent& extent) {
    values_ += extent.values();
    if (values_ > kMaxTensorValues) Extent::throw_too_large();
  }

  void count_field() {
    if (++fields_ > kMaxFields) throw ModelError("its graph is in too many pieces");
  }

  std::uint64_t values_ = 0;
  std::uint64_t fields_ = 0;
};

}  // namespace

void check_tensor_data(std::string_view model) { Walk().message(Kind::kModel, model, 0); }

}  // namespace unbraid
