#include "python/docstrings.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace unbraid {
namespace {

#include "docstrings.inc"  // docstrings.py makes it of _core.pyi

}  // namespace

const char* docstring(std::string_view name) {
  for (const auto& [documented, text] : kDocstrings) {
    if (documented == name) return text;
  }
  throw std::logic_error("_core.pyi says nothing of " + std::string(name));
}

}  // namespace unbraid
