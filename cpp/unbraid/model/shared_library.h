#pragma once

#include <filesystem>
#include <string>

namespace unbraid {

/// Loads a library, for as long as the process lives, and finds a name in it. Null if that fails;
/// then `failure` says why.
void* load_symbol(const std::filesystem::path& library, const char* name, std::string& failure);

}  // namespace unbraid
