#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "unbraid/model/system_headers.h"

/// What the tests need of a system beside what the core does.
namespace unbraid {

/// Sets a variable of the environment, or with an empty value takes it away.
inline void set_variable(const std::string& name, const std::filesystem::path& value) {
#ifdef _WIN32
  SetEnvironmentVariableW(std::filesystem::u8path(name).c_str(),
                          value.empty() ? nullptr : value.c_str());
#else
  if (value.empty()) {
    unsetenv(name.c_str());
  } else {
    setenv(name.c_str(), value.c_str(), 1);
  }
#endif
}

/// What the running program itself exports under that name; null if nothing.
inline void* program_symbol(const char* name) {
#ifdef _WIN32
  return reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(nullptr), name));
#else
  return dlsym(RTLD_DEFAULT, name);
#endif
}

}  // namespace unbraid
