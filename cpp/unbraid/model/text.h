#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Text from a file that anybody may have written, on its way to people.
namespace unbraid {

bool is_utf8(std::string_view text);

/// UTF-8 that a terminal may show: what controls it, hides or turns text, or is no UTF-8, becomes
/// U+FFFD. Of a longer text the first `most` bytes, and "...".
std::string printable(std::string_view text, std::size_t most = 5000);

/// What lies between the separators, one part at least.
std::vector<std::string> split(std::string_view text, char separator);

/// The number that the whole text is, with a decimal point whatever a host has set; blanks may
/// stand round it. False if it is none, or too large.
bool parse(std::string_view text, int& number);
bool parse(std::string_view text, double& number);

}  // namespace unbraid
