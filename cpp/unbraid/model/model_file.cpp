#include "unbraid/model/model_file.h"

#include <cstdint>
#include <set>
#include <system_error>

#include "unbraid/model/input_file.h"
#include "unbraid/model/protobuf.h"
#include "unbraid/model/text.h"

namespace fs = std::filesystem;

namespace unbraid {
namespace {

constexpr std::uint64_t kMaxEntry = 1 << 20;
constexpr std::size_t kMaxEntries = 1000;
constexpr int kMaxFields = 100000;  // of a file, but not of its graph

InputFile open_file(const fs::path& path) {
  const auto fail = [&](std::errc code) {
    throw fs::filesystem_error("cannot read the model", path, std::make_error_code(code));
  };
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (error == std::errc::filename_too_long) throw ModelError("no file can have such a long name");
  if (error) fail(static_cast<std::errc>(error.value()));
  if (!exists) fail(std::errc::no_such_file_or_directory);
  if (fs::is_directory(path)) fail(std::errc::is_a_directory);
  // A pipe would wait for a writer, a device may have no end.
  if (!fs::is_regular_file(path)) throw ModelError("not a regular file");
  InputFile file(path);
  if (!file) fail(std::errc::permission_denied);
  return file;
}

/// metadata_props of an ONNX ModelProto: of all its fields only these are taken, for the graph may
/// be large.
template <typename Source>
Metadata metadata_of(protobuf::Fields<Source> model) {
  constexpr std::uint64_t kMetadata = 14, kKey = 1, kValue = 2;
  Metadata metadata;
  for (int fields = 0; model.next(); ++fields) {
    if (fields == kMaxFields) throw ModelError("it is in too many pieces");
    if (model.number() != kMetadata || !model.is_bytes()) continue;
    if (model.length() > kMaxEntry) throw ModelError("an entry of its metadata is too long");
    const auto bytes = model.take();
    std::string key, value;
    for (auto entry = protobuf::fields(bytes); entry.next();) {
      if (entry.number() == kKey && entry.is_bytes()) {
        key = entry.take();
      } else if (entry.number() == kValue && entry.is_bytes()) {
        value = entry.take();
      }
    }
    if (metadata.size() >= kMaxEntries) throw ModelError("its metadata has too many entries");
    metadata[key] = value;
  }
  return metadata;
}

/// Whether a node is run each time; the outputs of one that is not are added to the constants.
bool runs(std::string_view node, std::set<std::string_view>& constants) {
  constexpr std::uint64_t kInput = 1, kOutput = 2, kType = 4;
  bool has_inputs = false, varies = false;
  protobuf::each(node, kInput, [&](std::string_view input) {
    has_inputs = true;
    varies = varies || (!input.empty() && constants.count(input) == 0);
  });
  if (varies || (!has_inputs && protobuf::last(node, kType) != "Constant")) return true;
  protobuf::each(node, kOutput, [&](std::string_view output) { constants.insert(output); });
  return false;
}

}  // namespace

std::string read_model_file(const fs::path& path) {
  InputFile file = open_file(path);
  const std::uintmax_t size = fs::file_size(path);
  if (size > kMaxModelBytes) {
    throw ModelError("larger than " + std::to_string(kMaxModelBytes) + " bytes");
  }
  std::string bytes(size, '\0');
  bytes.resize(file.read(bytes.data(), bytes.size()));
  return bytes;
}

Metadata read_metadata(std::string_view bytes) { return metadata_of(protobuf::fields(bytes)); }

int count_nodes(std::string_view bytes) {
  constexpr std::uint64_t kGraph = 7, kNode = 1, kInitializer = 5, kTensorName = 8;
  int count = 0;
  std::set<std::string_view> constants;
  protobuf::each(bytes, kGraph, [&](std::string_view graph) {
    protobuf::each(graph, kInitializer, [&](std::string_view tensor) {
      protobuf::each(tensor, kTensorName, [&](std::string_view name) { constants.insert(name); });
    });
    protobuf::each(graph, kNode,
                   [&](std::string_view node) { count += runs(node, constants) ? 1 : 0; });
  });
  return count;
}

ModelInfo read_model_info(const fs::path& path) {
  try {
    InputFile file = open_file(path);
    const std::uint64_t size = fs::file_size(path);
    return parse_model_info(metadata_of(protobuf::Fields(protobuf::File(file), size)));
  } catch (const ModelError& error) {
    throw ModelError(printable(path.u8string() + ": " + error.what()));
  }
}

}  // namespace unbraid
