#pragma once

#include <cstdint>
#include <string_view>

namespace unbraid {

constexpr std::uint64_t kMaxTensorValues = std::uint64_t{1} << 28;  // in all tensors of a file

/// Looks at every tensor in the bytes of an .onnx file: weights, constants, those of subgraphs and
/// functions. Throws ModelError if one keeps its data outside of the file, which some releases of
/// ONNX Runtime would read from wherever it says, or if they are larger than any model needs.
void check_tensor_data(std::string_view model);

}  // namespace unbraid
