#include "unbraid/model/ort_library.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "unbraid/model/installation.h"
#include "unbraid/model/ort.h"
#include "unbraid/model/shared_library.h"
#include "unbraid/model/system_headers.h"

namespace fs = std::filesystem;

namespace unbraid::ort {
namespace {

#if defined(_WIN32)
// Not the system's own: Windows has one for itself, which is old.
constexpr const char* kPrefix = "onnxruntime.dll";
constexpr const char* kSystemName = "";
#elif defined(__APPLE__)
constexpr const char* kPrefix = "libonnxruntime.";
constexpr const char* kSystemName = "libonnxruntime.1.dylib";
#else
constexpr const char* kPrefix = "libonnxruntime.so";
constexpr const char* kSystemName = "libonnxruntime.so.1";
#endif

// Some releases upload usage data unless told not to before they are loaded.
void disable_telemetry() {
#ifdef _WIN32
  if (environment_path("ORT_DISABLE_TELEMETRY").empty()) {
    SetEnvironmentVariableW(L"ORT_DISABLE_TELEMETRY", L"1");
  }
#else
  setenv("ORT_DISABLE_TELEMETRY", "1", /*overwrite=*/0);
#endif
}

void* entry_point_of(const fs::path& library, std::string& failure) {
  return load_symbol(library, "OrtGetApiBase", failure);
}

std::vector<fs::path> libraries_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().u8string().rfind(kPrefix, 0) == 0) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::mutex known_library_mutex;
fs::path known_library;

std::vector<fs::path> candidate_libraries() {
  std::vector<fs::path> found;
  {
    const std::scoped_lock lock(known_library_mutex);
    if (!known_library.empty()) found.push_back(known_library);
  }
  const auto add = [&found](std::vector<fs::path> libraries) {
    found.insert(found.end(), libraries.begin(), libraries.end());
  };
  for (const fs::path& folder : bundle_folders()) add(libraries_in(folder));
  add(configured_paths("onnxruntime"));
  for (const fs::path& folder : folders_above_binary()) {
    for (const char* packages : {"", "site-packages"}) {
      add(libraries_in(folder / packages / "onnxruntime" / "capi"));
    }
  }
  if (*kSystemName) found.emplace_back(kSystemName);
  return found;
}

}  // namespace

void set_library(const fs::path& library) {
  const std::scoped_lock lock(known_library_mutex);
  known_library = library;
}

void* load_entry_point() {
  disable_telemetry();
  std::string failure;
  if (const fs::path named = environment_path("UNBRAID_ORT_LIBRARY"); !named.empty()) {
    // What the user names is used or refused, never quietly replaced.
    if (void* entry = entry_point_of(named, failure)) return entry;
    throw Error("ONNX Runtime could not be loaded from UNBRAID_ORT_LIBRARY=" + named.u8string() +
                ": " + failure);
  }
  std::string tried;
  for (const fs::path& candidate : candidate_libraries()) {
    if (void* entry = entry_point_of(candidate, failure)) return entry;
    tried += (tried.empty() ? "" : "; ") + candidate.u8string() + " (" + failure + ")";
  }
  throw Error(
      "ONNX Runtime was not found. Install it with `pip install onnxruntime`, or set "
      "UNBRAID_ORT_LIBRARY to the path of its library. Tried: " +
      tried);
}

}  // namespace unbraid::ort
