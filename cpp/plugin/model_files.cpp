#include "model_files.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <locale>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>

#include "installation.h"
#include "stft.h"

namespace fs = std::filesystem;

namespace unbraid::plugin {
namespace {

constexpr const char* kDefaultModel = "dialogue";
constexpr std::uint64_t kMaxEntry = 1 << 20;

/// An .onnx file is a Protocol Buffers message: fields of a number, a kind and a value. Of all of
/// them only the metadata is read, by skipping the rest; the graph may be large.
class Message {
 public:
  explicit Message(std::istream& stream) : stream_(stream) {}

  /// Goes to the next field; false at the end or where the bytes make no sense.
  bool next() {
    const auto key = varint();
    if (!key) return false;
    field_ = static_cast<int>(*key >> 3);
    switch (*key & 7) {
      case 0:
        return length_ = 0, varint().has_value();
      case 1:
        return length_ = 8, true;
      case 2:
        if (const auto length = varint()) return length_ = *length, true;
        return false;
      case 5:
        return length_ = 4, true;
      default:
        return false;
    }
  }
  int field() const { return field_; }
  void skip() { stream_.seekg(static_cast<std::streamoff>(length_), std::ios::cur); }
  std::string take() {
    std::string bytes(std::min(length_, kMaxEntry), '\0');
    stream_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (length_ > kMaxEntry) stream_.setstate(std::ios::failbit);
    return bytes;
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const int byte = stream_.get();
      if (byte < 0) return std::nullopt;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::istream& stream_;
  int field_ = 0;
  std::uint64_t length_ = 0;
};

std::map<std::string, std::string> read_metadata(const fs::path& path) {
  constexpr int kMetadata = 14, kKey = 1, kValue = 2;
  std::map<std::string, std::string> metadata;
  std::ifstream file(path, std::ios::binary);
  for (Message model(file); model.next();) {
    if (model.field() != kMetadata) {
      model.skip();
      continue;
    }
    std::istringstream bytes(model.take());
    std::string key, value;
    for (Message entry(bytes); entry.next();) {
      if (entry.field() == kKey) {
        key = entry.take();
      } else if (entry.field() == kValue) {
        value = entry.take();
      } else {
        entry.skip();
      }
    }
    metadata[key] = value;
  }
  return metadata;
}

template <typename Number>
bool read_number(const std::map<std::string, std::string>& metadata, const char* key,
                 Number& number) {
  const auto entry = metadata.find(key);
  if (entry == metadata.end()) return false;
  std::istringstream stream(entry->second);
  stream.imbue(std::locale::classic());  // a host may have set a decimal comma
  return static_cast<bool>(stream >> number);
}

std::optional<ModelFile> read_model_file(const fs::path& path) {
  ModelFile model{path.stem().u8string(), path.u8string(), {}, 0.0, 0.0, 0};
  const auto metadata = read_metadata(path);
  const auto stems = metadata.find("unbraid.stems");
  if (stems == metadata.end()) return std::nullopt;
  std::istringstream names(stems->second);
  for (std::string name; std::getline(names, name, ',');) model.stem_names.push_back(name);
  if (model.stem_names.size() < 2 ||
      !read_number(metadata, "unbraid.win_seconds", model.win_seconds) ||
      !read_number(metadata, "unbraid.hop_seconds", model.hop_seconds) ||
      !read_number(metadata, "unbraid.lookahead_frames", model.lookahead_frames)) {
    return std::nullopt;
  }
  try {
    model.latency_samples(48000.0);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return model;
}

std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  for (const fs::path& folder : folders_above_binary()) {
    if (folder.filename() == "unbraid") folders.push_back(folder / "models");
  }
  for (const fs::path& folder : configured_paths("models")) folders.push_back(folder);
  for (const fs::path& folder : bundle_folders()) folders.push_back(folder / "models");
  if (const char* folder = std::getenv("UNBRAID_MODELS"); folder && *folder) {
    folders.push_back(fs::u8path(folder));
  }
  return folders;
}

/// As the model that comes with the package, so that latency and faders are right without it.
ModelFile promised_model() {
  return {kDefaultModel, "", {"speech", "music", "noise"}, 0.032, 0.016, 0};
}

}  // namespace

int ModelFile::latency_samples(double sample_rate) const {
  const StftSizes sizes = stft_sizes(sample_rate, win_seconds, hop_seconds);
  return sizes.win_length + lookahead_frames * sizes.hop_length;
}

std::vector<ModelFile> find_models() {
  if (const char* path = std::getenv("UNBRAID_PLUGIN_MODEL"); path && *path) {
    if (auto model = read_model_file(fs::u8path(path))) return {*model};
  }
  std::map<std::string, ModelFile> by_name;
  for (const fs::path& folder : model_folders()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() != ".onnx") continue;
      if (auto model = read_model_file(entry.path())) by_name[model->name] = *model;
    }
  }
  std::vector<ModelFile> models;
  for (auto& [name, model] : by_name) models.push_back(std::move(model));
  std::stable_partition(models.begin(), models.end(),
                        [](const ModelFile& model) { return model.name == kDefaultModel; });
  if (models.empty()) models.push_back(promised_model());
  return models;
}

}  // namespace unbraid::plugin
