#include "unbraid/model/model_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "message.h"
#include "test_models.h"

namespace fs = std::filesystem;
using namespace unbraid;

namespace {

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

fs::path scratch() { return test_folder() / "scratch.onnx"; }

void write(const std::string& bytes) {
  std::ofstream(scratch(), std::ios::binary).write(bytes.data(), bytes.size());
}

enum class Read { kSound, kRefused };

/// Anything but a model or a ModelError that names the file fails the test.
Read read() {
  try {
    read_model_info(scratch());
    return Read::kSound;
  } catch (const ModelError& error) {
    REQUIRE(std::string(error.what()).find("scratch.onnx: ") != std::string::npos);
    return Read::kRefused;
  }
}

Read read(const std::string& bytes) {
  write(bytes);
  return read();
}

}  // namespace

TEST_CASE("what a file says is read without its graph") {
  const ModelInfo info = read_model_info(test_folder() / "small.onnx");
  CHECK(info.num_bands() == 4);
  CHECK(info.stem_names.size() == 3);
}

TEST_CASE("a file cut short anywhere is a model or refused") {
  const std::string bytes = bytes_of(test_folder() / "small.onnx");
  REQUIRE(bytes.size() > 1000);
  write(bytes);
  REQUIRE(read() == Read::kSound);
  std::size_t sound = 0;
  for (std::size_t size = bytes.size(); size-- > 0;) {
    fs::resize_file(scratch(), size);
    if (read() == Read::kSound) ++sound;
  }
  // Some of what stands last is not asked for, but hardly anything.
  CHECK(sound < 64);
}

TEST_CASE("a file with one wrong byte is a model or refused") {
  const std::string bytes = bytes_of(test_folder() / "small.onnx");
  // The middle is weights, which are skipped.
  for (std::size_t at = 0; at < bytes.size(); at = at == 300 ? bytes.size() - 1500 : at + 1) {
    for (const int wrong : {0x00, 0x01, 0x7f, 0x80, 0xff, bytes[at] ^ 0x08}) {
      std::string spoiled = bytes;
      spoiled[at] = static_cast<char>(wrong);
      read(spoiled);
    }
  }
}

TEST_CASE("fields that lie about their length are refused") {
  const std::string entry = field(1, "unbraid.name") + field(2, "toy");
  const std::uint64_t most = ~std::uint64_t{0};
  for (const std::string& bytes : {
           std::string(),
           std::string("no model at all"),
           std::string(1000, '\0'),
           std::string(1000, '\xff'),
           field(7, "", most),                                   // the graph, "negative"
           field(7, "", std::uint64_t{1} << 63),                 // as large as a seek can't be
           field(7, "x", 2),                                     // beyond the end of the file
           field(14, entry, entry.size() + 1),                   // an entry, likewise
           field(14, field(1, "unbraid.name", 1000)),            // a key beyond its entry
           field(14, field(1, "unbraid.name", most)),            //
           field(14, "", std::uint64_t{1} << 40),                // more than there is memory
           field(14, std::string((1 << 20) + 1, 'x')),           // longer than any entry is
           std::string("\x0b", 1),                               // groups, which ONNX has none of
           std::string("\x0f", 1),                               // no such kind of field
           std::string(20, '\x80'),                              // a number without an end
           std::string("\x09\x01", 2),                           // 8 bytes, cut short
           std::string("\x0d\x01", 2),                           // 4 bytes, cut short
           varint(std::uint64_t{1} << 32 | 7 << 3) + varint(0),  // a field that others would cut
           std::string("\x00\x00", 2),                           // no field
       }) {
    CHECK(read(bytes) == Read::kRefused);
  }
}

TEST_CASE("other fields are skipped, and of two entries with one key the later counts") {
  std::string bytes = bytes_of(test_folder() / "small.onnx");
  bytes += varint(99 << 3) + varint(~std::uint64_t{0});  // a number
  bytes += varint(98 << 3 | 1) + std::string(8, 'x');
  bytes += varint(97 << 3 | 5) + std::string(4, 'x');
  bytes += field(14, field(3, "unknown") + field(1, "unbraid.name") + field(2, "other"));
  write(bytes);
  CHECK(read_model_info(scratch()).name == "other");
}

TEST_CASE("a file that cannot be read is no model error") {
  for (const fs::path& path : {test_folder() / "none.onnx", test_folder()}) {
    CHECK_THROWS_AS(read_model_info(path), fs::filesystem_error);
    CHECK_THROWS_AS(read_model_file(path), fs::filesystem_error);
  }
}
