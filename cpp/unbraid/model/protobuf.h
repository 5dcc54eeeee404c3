#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "unbraid/model/input_file.h"
#include "unbraid/model/model_info.h"

/// Protocol Buffers, of which an .onnx file is one message: as much as it takes to look into a
/// stranger's file. Every failure is a ModelError, nothing is read beyond a message's end, and what
/// protobuf's own reader takes for something else than this one does is refused.
namespace unbraid::protobuf {

[[noreturn]] inline void fail() { throw ModelError("not an ONNX file, or cut short"); }

/// Bytes in memory.
class Memory {
 public:
  explicit Memory(std::string_view bytes) : bytes_(bytes) {}

  int get() {
    const int byte = bytes_.empty() ? -1 : static_cast<unsigned char>(bytes_[0]);
    if (byte >= 0) bytes_.remove_prefix(1);
    return byte;
  }
  void skip(std::uint64_t count) { take(count); }
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size()) fail();
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

 private:
  std::string_view bytes_;
};

/// A file, of which only what is asked for is read.
class File {
 public:
  explicit File(InputFile& file) : file_(file) {}

  int get() { return file_.get(); }
  void skip(std::uint64_t count) {
    if (count > 0) file_.skip(count);
  }
  std::string take(std::uint64_t count) {
    std::string bytes(count, '\0');
    if (file_.read(bytes.data(), bytes.size()) < bytes.size()) fail();
    return bytes;
  }

 private:
  InputFile& file_;
};

/// A number from at most `left` bytes, which are counted down.
template <typename Source>
std::uint64_t read_varint(Source& source, std::uint64_t& left) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const int byte = left > 0 ? source.get() : -1;
    if (byte < 0) fail();
    --left;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail();
}

/// The fields of a message: a number each, and a value. What of a value is not taken is skipped.
template <typename Source>
class Fields {
 public:
  Fields(Source source, std::uint64_t size) : source_(source), left_(size) {}

  /// Goes to the next field; false at the end.
  bool next() {
    source_.skip(length_);
    length_ = 0;
    if (left_ == 0) return false;
    const std::uint64_t key = read_varint(source_, left_);
    number_ = key >> 3;
    wire_ = static_cast<int>(key & 7);
    if (key > 0xffffffff || number_ == 0) fail();
    if (wire_ == kVarint) {
      value_ = read_varint(source_, left_);
    } else if (wire_ == kBytes) {
      length_ = read_varint(source_, left_);
    } else if (wire_ == kFixed64 || wire_ == kFixed32) {
      length_ = wire_ == kFixed64 ? 8 : 4;
    } else {
      fail();  // groups, which ONNX has none of
    }
    if (length_ > left_) fail();
    left_ -= length_;
    return true;
  }

  std::uint64_t number() const { return number_; }
  bool is_integer() const { return wire_ == kVarint; }
  bool is_bytes() const { return wire_ == kBytes; }
  std::uint64_t integer() const { return value_; }
  std::uint64_t length() const { return length_; }

  /// The value, if it is bytes: a text or another message.
  auto take() {
    const std::uint64_t length = length_;
    length_ = 0;
    return source_.take(length);
  }

 private:
  enum { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  Source source_;
  std::uint64_t left_;
  std::uint64_t number_ = 0;
  int wire_ = kVarint;
  std::uint64_t value_ = 0;
  std::uint64_t length_ = 0;  // of a value that was not taken yet
};

inline Fields<Memory> fields(std::string_view bytes) { return {Memory(bytes), bytes.size()}; }

/// Uses each of the fields of that number that are bytes: texts, or other messages.
template <typename Use>
void each(std::string_view message, std::uint64_t number, Use use) {
  for (auto fields = protobuf::fields(message); fields.next();) {
    if (fields.number() == number && fields.is_bytes()) use(fields.take());
  }
}

/// The last of these, as protobuf reads a field that is not repeated; empty if there is none.
inline std::string_view last(std::string_view message, std::uint64_t number) {
  std::string_view found;
  each(message, number, [&](std::string_view value) { found = value; });
  return found;
}

/// Uses the numbers of a repeated field: one, or all of them packed.
template <typename Use>
void each_integer(Fields<Memory>& field, Use use) {
  if (field.is_integer()) use(field.integer());
  if (!field.is_bytes()) return;
  std::uint64_t left = field.length();
  for (Memory packed(field.take()); left > 0;) use(read_varint(packed, left));
}

inline void append_varint(std::string& message, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) message += static_cast<char>(value | 0x80);
  message += static_cast<char>(value);
}

/// Adds a field to a message.
inline void append(std::string& message, std::uint64_t number, std::uint64_t value) {
  append_varint(message, number << 3);
  append_varint(message, value);
}
inline void append(std::string& message, std::uint64_t number, std::string_view bytes) {
  append_varint(message, number << 3 | 2);
  append_varint(message, bytes.size());
  message += bytes;
}

}  // namespace unbraid::protobuf
