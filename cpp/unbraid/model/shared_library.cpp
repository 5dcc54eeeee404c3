#include "unbraid/model/shared_library.h"

#include "unbraid/model/system_headers.h"

namespace unbraid {

void* load_symbol(const std::filesystem::path& library, const char* name, std::string& failure) {
#ifdef _WIN32
  // What the library itself needs is looked for beside it, not beside the program.
  HMODULE handle = LoadLibraryExW(library.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (!handle) failure = "error " + std::to_string(GetLastError());
  void* symbol = handle ? reinterpret_cast<void*>(GetProcAddress(handle, name)) : nullptr;
#else
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = handle ? dlsym(handle, name) : nullptr;
  if (!handle) failure = dlerror();
#endif
  if (handle && !symbol) failure = std::string("it has no ") + name;
  return symbol;
}

}  // namespace unbraid
