#include "allocations.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

thread_local bool counting = false;
thread_local std::size_t own_allocations = 0;
thread_local std::size_t run_allocations = 0;
bool fail_runs = false;

namespace {

thread_local bool in_run = false;

void count_allocation() {
  if (counting) ++(in_run ? run_allocations : own_allocations);
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) bool test_run_begins(const void*) {
  if (fail_runs) return false;
  in_run = true;
  return true;
}
__attribute__((visibility("default"))) void test_run_ends() { in_run = false; }

// Every allocation of the process comes by here, `new` and ONNX Runtime's included. Freeing counts
// as well: it may take the same locks.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);

__attribute__((visibility("default"))) void* malloc(std::size_t size) {
  count_allocation();
  return __libc_malloc(size);
}
__attribute__((visibility("default"))) void* calloc(std::size_t count, std::size_t size) {
  count_allocation();
  return __libc_calloc(count, size);
}
__attribute__((visibility("default"))) void* realloc(void* memory, std::size_t size) {
  count_allocation();
  return __libc_realloc(memory, size);
}
__attribute__((visibility("default"))) void* memalign(std::size_t alignment, std::size_t size) {
  count_allocation();
  return __libc_memalign(alignment, size);
}
__attribute__((visibility("default"))) void* aligned_alloc(std::size_t alignment,
                                                           std::size_t size) {
  return memalign(alignment, size);
}
__attribute__((visibility("default"))) int posix_memalign(void** memory, std::size_t alignment,
                                                          std::size_t size) {
  *memory = memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}
__attribute__((visibility("default"))) void free(void* memory) {
  if (memory) count_allocation();
  __libc_free(memory);
}

}  // extern "C"

int failures = 0;

void check(bool passed, const std::string& what) {
  if (!passed) ++failures;
  std::printf("%s: %s\n", passed ? "ok" : "FAILED", what.c_str());
}
