#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "unbraid/model/model_info.h"

/// A model's file as it lies on the disk, before and without ONNX Runtime.
namespace unbraid {

constexpr std::uint64_t kMaxModelBytes = std::uint64_t{1} << 30;

/// All bytes of a file. Throws std::filesystem::filesystem_error that says why it cannot be read,
/// ModelError if it is no regular file, or larger than any model.
std::string read_model_file(const std::filesystem::path& path);

/// The metadata in the bytes of an .onnx file. Throws ModelError.
Metadata read_metadata(std::string_view bytes);

/// How many nodes of the graph in the bytes of an .onnx file are run each time: those with nothing
/// but constants before them are computed once, when it is loaded. Subgraphs count for the node
/// that has them. Throws ModelError.
int count_nodes(std::string_view bytes);

/// What a model file says of itself, read without opening its graph: hosts ask for latency and
/// parameters of plug-ins that they only look over, perhaps where no ONNX Runtime is installed, and
/// a list of models must not load them all. A file that passes may still fail to load as a Model.
/// Throws ModelError that names the file, std::filesystem::filesystem_error.
ModelInfo read_model_info(const std::filesystem::path& path);

}  // namespace unbraid
