#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace unbraid {

#include "docstrings.inc"  // docstrings.py makes it of _core.pyi

/// What the stub says of a name, as in "Separator.process"; of the module for "".
inline const char* docstring(std::string_view name) {
  for (const auto& [documented, text] : kDocstrings) {
    if (documented == name) return text;
  }
  throw std::logic_error("_core.pyi says nothing of " + std::string(name));
}

}  // namespace unbraid
