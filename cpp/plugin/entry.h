#pragma once

/// What all three formats need where a host's C calls come in.
namespace unbraid::plugin {

#ifdef _WIN32
#define UNBRAID_EXPORT __declspec(dllexport)
#else
#define UNBRAID_EXPORT __attribute__((visibility("default")))
#endif

/// What `work` returns, or `failed` if it throws: no exception may cross into a host, which may be
/// written in C or come with another C++ library.
template <typename Result, typename Work>
Result guarded(Result failed, Work work) noexcept {
  try {
    return work();
  } catch (...) {
    return failed;
  }
}

template <typename Work>
void guarded(Work work) noexcept {
  try {
    work();
  } catch (...) {
  }
}

}  // namespace unbraid::plugin
