// An ONNX Runtime library that is the real one but for Run, which tells the test program when it
// begins and ends, and fails when the program says so. The core loads it as any other library, by
// UNBRAID_ORT_LIBRARY, so that the code under test is the code that ships.
#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// Defined by the test program.
extern "C" bool test_run_begins(const void* session);  // false: this run must fail
extern "C" void test_run_ends();

namespace {

struct ApiBase {
  void* const* (*get_api)(std::uint32_t version);
  const char* (*get_version)();
};
using CreateStatus = void* (*)(int, const char*);
using Run = void* (*)(void*, const void*, const char* const*, const void* const*, std::size_t,
                      const char* const*, std::size_t, void**);

constexpr std::size_t kTableSize = 239;  // all that the oldest supported release has
constexpr std::size_t kRun = 9;

const ApiBase* real_base = nullptr;
Run real_run = nullptr;
void* table[kTableSize];

void* run(void* session, const void* options, const char* const* input_names,
          const void* const* inputs, std::size_t num_inputs, const char* const* output_names,
          std::size_t num_outputs, void** outputs) {
  if (!test_run_begins(session)) return reinterpret_cast<CreateStatus>(table[0])(1, "made to fail");
  void* status = real_run(session, options, input_names, inputs, num_inputs, output_names,
                          num_outputs, outputs);
  test_run_ends();
  return status;
}

void* const* get_api(std::uint32_t version) {
  std::memcpy(table, real_base->get_api(version), sizeof table);
  real_run = reinterpret_cast<Run>(table[kRun]);
  table[kRun] = reinterpret_cast<void*>(&run);
  return table;
}

const char* get_version() { return real_base->get_version(); }

}  // namespace

extern "C" __attribute__((visibility("default"))) const ApiBase* OrtGetApiBase() {
  static const ApiBase base{&get_api, &get_version};
  void* library = dlopen(std::getenv("TEST_REAL_ORT_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
  void* entry = library ? dlsym(library, "OrtGetApiBase") : nullptr;
  if (!entry) {
    std::fprintf(stderr, "TEST_REAL_ORT_LIBRARY: %s\n", dlerror());
    std::abort();
  }
  real_base = reinterpret_cast<const ApiBase* (*)()>(entry)();
  return &base;
}
