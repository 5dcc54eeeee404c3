// Tests of what otherwise only hosts reach. Run by tests/test_cpp.py, which makes the models:
// TEST_FOLDER holds models/ (see test_models.h) and room for files that the tests write.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "plugin/entry.h"
#include "plugin/loaded_model.h"
#include "run_hook.h"

namespace {

std::atomic<const void*> last{nullptr};
std::atomic<const void*> failing{nullptr};

}  // namespace

namespace run_hook {
const void* last_session() { return last; }
Failing::Failing(const void* session) { failing = session; }
Failing::~Failing() { failing = nullptr; }
}  // namespace run_hook

extern "C" {
UNBRAID_EXPORT bool test_run_begins(const void* session) {
  last = session;
  return session != failing;
}
UNBRAID_EXPORT void test_run_ends() {}
}

// Models that were retired are to be deleted, once. They come from `new` and have a size of their
// own.
namespace {

std::atomic<void*> blocks[64];
std::atomic<int> alive{0};

void* counted(void* memory, std::size_t size) {
  if (size != sizeof(unbraid::plugin::LoadedModel)) return memory;
  for (std::atomic<void*>& block : blocks) {
    void* expected = nullptr;
    if (block.compare_exchange_strong(expected, memory)) return ++alive, memory;
  }
  std::abort();
}

void release(void* memory) {
  for (std::atomic<void*>& block : blocks) {
    void* expected = memory;
    if (memory && block.compare_exchange_strong(expected, nullptr)) --alive;
  }
  std::free(memory);
}

}  // namespace

int loaded_models_alive() { return alive; }

void* operator new(std::size_t size) {
  if (void* memory = std::malloc(size ? size : 1)) return counted(memory, size);
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
