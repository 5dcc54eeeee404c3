#include "unbraid/model/installation.h"

#include <cstdlib>
#include <string_view>
#include <system_error>

#include "unbraid/model/input_file.h"
#include "unbraid/model/system_headers.h"
#include "unbraid/model/text.h"

namespace fs = std::filesystem;

namespace unbraid {
namespace {

constexpr const char* kConfigFile = "unbraid.conf";

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// None of a file that cannot be read.
std::vector<std::string> lines_of(const fs::path& path) {
  std::string text;
  if (InputFile file(path); file) {
    for (int byte = file.get(); byte >= 0; byte = file.get()) text += static_cast<char>(byte);
  }
  return split(text, '\n');
}

}  // namespace

fs::path environment_path(const char* name) {
#ifdef _WIN32  // not the C library's: each has a copy, in the system's code page
  const std::string_view narrow(name);
  const std::wstring wide(narrow.begin(), narrow.end());
  std::wstring value(GetEnvironmentVariableW(wide.c_str(), nullptr, 0), L'\0');
  value.resize(GetEnvironmentVariableW(wide.c_str(), value.data(), DWORD(value.size())));
  return value;
#else
  const char* value = std::getenv(name);
  return value ? value : "";
#endif
}

fs::path this_binary() {
#ifdef _WIN32
  HMODULE module = nullptr;
  GetModuleHandleExW(
      GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
      reinterpret_cast<LPCWSTR>(&this_binary), &module);
  wchar_t name[32768];
  return fs::path(name, name + GetModuleFileNameW(module, name, 32768));
#else
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&this_binary), &info) || !info.dli_fname) return {};
  std::error_code error;
  return fs::canonical(info.dli_fname, error);  // a plug-in may be reached by a link
#endif
}

std::vector<fs::path> folders_above_binary() {
  std::vector<fs::path> folders;
  for (fs::path folder = this_binary().parent_path(); !folder.empty();
       folder = folder.parent_path()) {
    folders.push_back(folder);
    if (folder == folder.parent_path()) break;
  }
  return folders;
}

std::vector<fs::path> bundle_folders() {
  const fs::path folder = this_binary().parent_path();
  if (folder.empty()) return {};
  return {folder, folder.parent_path() / "Resources"};
}

std::vector<fs::path> configured_paths(const std::string& key) {
  std::vector<fs::path> paths;
  for (const fs::path& folder : bundle_folders()) {
    for (const std::string& line : lines_of(folder / kConfigFile)) {
      const auto equals = line.find('=');
      if (equals == std::string::npos || trimmed(line.substr(0, equals)) != key) continue;
      paths.push_back(fs::u8path(trimmed(line.substr(equals + 1))));
    }
  }
  return paths;
}

}  // namespace unbraid
