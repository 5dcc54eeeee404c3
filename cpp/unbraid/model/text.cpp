#include "unbraid/model/text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <system_error>
#ifndef __cpp_lib_to_chars  // Apple's library reads whole numbers only
#include <locale>
#include <sstream>
#endif

namespace unbraid {
namespace {

constexpr std::uint32_t kInvalid = 0xffffffff;

/// The code point that the text begins with, which is cut off; kInvalid, one byte, if there is
/// none.
std::uint32_t take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const int more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  std::uint32_t code = more <= 0 ? first : first & (0x3f >> more);
  bool sound = more >= 0 && first < 0xf5 && text.size() > static_cast<std::size_t>(more);
  for (int i = 1; sound && i <= more; ++i) {
    sound = (byte(i) & 0xc0) == 0x80;
    code = code << 6 | (byte(i) & 0x3f);
  }
  const bool overlong = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
  sound = sound && !overlong && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  text.remove_prefix(sound ? more + 1 : 1);
  return sound ? code : kInvalid;
}

bool shows(std::uint32_t code) {
  struct Range {
    std::uint32_t first, last;
  };
  // Controls, zero widths, changes of direction, line and paragraph ends, invisible tags.
  constexpr Range kHidden[] = {{0x0, 0x1f},      {0x7f, 0x9f},       {0xad, 0xad},
                               {0x61c, 0x61c},   {0x180e, 0x180e},   {0x200b, 0x200f},
                               {0x2028, 0x202e}, {0x2060, 0x206f},   {0xfeff, 0xfeff},
                               {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}, {kInvalid, kInvalid}};
  return std::none_of(std::begin(kHidden), std::end(kHidden), [code](const Range& range) {
    return code >= range.first && code <= range.last;
  });
}

std::string_view trimmed(std::string_view text) {
  constexpr char kBlanks[] = " \t\r\n";
  const std::size_t first = std::min(text.find_first_not_of(kBlanks), text.size());
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

template <typename Number>
bool parse_all(std::string_view text, Number& number) {
  text = trimmed(text);
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (take_code_point(text) == kInvalid) return false;
  }
  return true;
}

std::string printable(std::string_view text, std::size_t most) {
  std::string shown;
  while (!text.empty()) {
    const std::string_view rest = text;
    const bool as_it_is = shows(take_code_point(text));
    const std::string_view next =
        as_it_is ? rest.substr(0, rest.size() - text.size()) : "\xef\xbf\xbd";
    if (shown.size() + next.size() > most) return shown + "...";
    shown += next;
  }
  return shown;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool parse(std::string_view text, int& number) { return parse_all(text, number); }

#ifdef __cpp_lib_to_chars
bool parse(std::string_view text, double& number) { return parse_all(text, number); }
#else
bool parse(std::string_view text, double& number) {
  std::istringstream stream{std::string(trimmed(text))};
  stream.imbue(std::locale::classic());
  stream >> number;
  return stream && stream.peek() == std::istringstream::traits_type::eof();
}
#endif

}  // namespace unbraid
