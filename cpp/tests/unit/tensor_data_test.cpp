#include "unbraid/model/tensor_data.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "message.h"
#include "test_models.h"
#include "unbraid/model/model_info.h"

using namespace unbraid;

namespace {

std::string small_model() {
  std::ifstream file(test_folder() / "small.onnx", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// What is said of a tensor among the graph's initializers.
std::string verdict(const std::string& tensor) {
  try {
    check_tensor_data(field(7, field(5, tensor)));
    return "";
  } catch (const ModelError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a model with its data in the file is let pass") {
  CHECK_NOTHROW(check_tensor_data(small_model()));
  CHECK(verdict(number(14, 0)).empty());
  CHECK(verdict(field(8, "name") + number(1, 3) + field(9, "raw")).empty());
}

TEST_CASE("data outside of the file, however it is said") {
  const std::uint64_t cut = (std::uint64_t{1} << 32) + 1;
  for (const std::string& said :
       {number(14, 1), number(14, 2), number(14, cut), number(14, 0) + number(14, 1),
        number(14, 1) + number(14, 0), field(14, "\x01"), field(13, ""),
        field(13, field(1, "location") + field(2, "/etc/passwd"))}) {
    CHECK(verdict(field(8, "w\x1b") + said) ==
          "tensor `w\xef\xbf\xbd` keeps its data outside of the file; save the model in one piece");
  }
}

TEST_CASE("shapes, one number after the other or packed") {
  const std::string limit = "its tensors have more than 268435456 values";
  CHECK(verdict(number(1, 1 << 14) + number(1, 1 << 14)).empty());
  CHECK(verdict(number(1, 1 << 14) + number(1, 1 << 14) + number(1, 2)) == limit);
  CHECK(verdict(field(1, varint(1 << 14) + varint(1 << 15))) == limit);
  CHECK(verdict(number(1, 1 << 14) + field(1, varint(1 << 15))) == limit);
  CHECK(verdict(number(1, ~std::uint64_t{0})) == limit);
  CHECK(verdict(number(1, 0) + number(1, 1 << 28)).empty());
  const std::string half = field(5, number(1, (1 << 27) + 1));
  CHECK_NOTHROW(check_tensor_data(field(7, half)));
  CHECK_THROWS_AS(check_tensor_data(field(7, half + half)), ModelError);
}

TEST_CASE("of what there is one, a second is refused") {
  const std::string sound = field(5, number(1, 3));
  CHECK_THROWS_AS(check_tensor_data(field(7, sound) + field(7, sound)), ModelError);
  const std::string attribute = field(5, "") + field(5, "");
  CHECK_THROWS_AS(check_tensor_data(field(7, field(1, field(5, attribute)))), ModelError);
}

TEST_CASE("with one wrong byte a model is let pass or refused") {
  const std::string bytes = small_model();
  for (std::size_t at = 0; at < bytes.size(); at += 1 + at / 50) {
    for (const int wrong : {0x00, 0x01, 0x7f, 0x80, 0xff, bytes[at] ^ 0x08}) {
      std::string spoiled = bytes;
      spoiled[at] = static_cast<char>(wrong);
      try {
        check_tensor_data(spoiled);
      } catch (const ModelError&) {
      }
    }
    try {
      check_tensor_data(std::string_view(bytes).substr(0, at));
    } catch (const ModelError&) {
    }
  }
}
