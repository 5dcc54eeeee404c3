#include "unbraid/model/model_file.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <iterator>
#include <sstream>
#include <system_error>

namespace fs = std::filesystem;

namespace unbraid {
namespace {

constexpr std::uint64_t kMaxEntry = 1 << 20;

std::ifstream open_file(const std::string& path) {
  const auto fail = [&](std::errc code) {
    throw fs::filesystem_error("cannot read the model", fs::u8path(path),
                               std::make_error_code(code));
  };
  if (!fs::exists(fs::u8path(path))) fail(std::errc::no_such_file_or_directory);
  if (fs::is_directory(fs::u8path(path))) fail(std::errc::is_a_directory);
  std::ifstream file(fs::u8path(path), std::ios::binary);
  if (!file) fail(std::errc::permission_denied);
  return file;
}

/// A Protocol Buffers message, which an .onnx file is one of: fields of a number, a kind and a
/// value. `size` bytes from where the stream stands; no field reaches beyond them. Every failure is
/// a ModelError.
class Message {
 public:
  Message(std::istream& stream, std::uint64_t size) : stream_(stream), left_(size) {}

  /// Goes to the next field; false at the end.
  bool next() {
    if (left_ == 0) return false;
    const std::uint64_t key = varint();
    field_ = key >> 3;
    switch (key & 7) {
      case 0:
        varint();
        length_ = 0;
        break;
      case 1:
        length_ = 8;
        break;
      case 2:
        length_ = varint();
        break;
      case 5:
        length_ = 4;
        break;
      default:
        fail();
    }
    if (length_ > left_) fail();
    return true;
  }

  std::uint64_t field() const { return field_; }

  void skip() {
    stream_.seekg(static_cast<std::streamoff>(length_), std::ios::cur);
    left_ -= length_;
  }

  std::string take() {
    if (length_ > kMaxEntry) throw ModelError("an entry of its metadata is too long");
    std::string bytes(length_, '\0');
    if (!stream_.read(bytes.data(), static_cast<std::streamsize>(length_))) fail();
    left_ -= length_;
    return bytes;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const int byte = left_ > 0 ? stream_.get() : -1;
      if (byte < 0) fail();
      --left_;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail();
  }

  [[noreturn]] static void fail() { throw ModelError("not an ONNX file, or cut short"); }

  std::istream& stream_;
  std::uint64_t left_;
  std::uint64_t field_ = 0;
  std::uint64_t length_ = 0;
};

/// metadata_props of an ONNX ModelProto: of all its fields only these are read, the rest is
/// skipped, for the graph may be large.
Metadata read_metadata(std::istream& file, std::uint64_t size) {
  constexpr std::uint64_t kMetadata = 14, kKey = 1, kValue = 2;
  Metadata metadata;
  for (Message model(file, size); model.next();) {
    if (model.field() != kMetadata) {
      model.skip();
      continue;
    }
    const std::string bytes = model.take();
    std::istringstream stream(bytes);
    std::string key, value;
    for (Message entry(stream, bytes.size()); entry.next();) {
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

}  // namespace

std::vector<char> read_model_file(const std::string& path) {
  std::ifstream file = open_file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

ModelInfo read_model_info(const std::string& path) {
  std::ifstream file = open_file(path);
  try {
    return parse_model_info(read_metadata(file, fs::file_size(fs::u8path(path))));
  } catch (const ModelError& error) {
    throw ModelError(path + ": " + error.what());
  }
}

}  // namespace unbraid
