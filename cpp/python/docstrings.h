#pragma once

#include <string_view>

namespace unbraid {

/// What the stub says of a name, as in "Separator.process"; of the module for "".
const char* docstring(std::string_view name);

}  // namespace unbraid
