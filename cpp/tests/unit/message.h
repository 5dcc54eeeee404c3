#pragma once

#include <cstdint>
#include <string>

/// Bytes as Protocol Buffers writes them.
inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

inline std::string number(int field, std::uint64_t value) {
  return varint(field << 3) + varint(value);
}

/// A field of bytes; `length` may lie.
inline std::string field(int number, const std::string& bytes, std::uint64_t length) {
  return varint(number << 3 | 2) + varint(length) + bytes;
}
inline std::string field(int number, const std::string& bytes) {
  return field(number, bytes, bytes.size());
}
