// An ONNX Runtime library that is the real one but for Run, which tells the test program when it
// begins and ends, and fails when the program says so. The core loads it as any other library, by
// UNBRAID_ORT_LIBRARY, so that the code under test is the code that ships.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "platform.h"
#include "plugin/entry.h"
#include "unbraid/model/installation.h"
#include "unbraid/model/shared_library.h"

namespace {

// Defined and exported by the test program.
bool (*test_run_begins)(const void* session) = nullptr;  // false: this run must fail
void (*test_run_ends)() = nullptr;

template <typename Function>
void find_in_program(const char* name, Function& function) {
  function = reinterpret_cast<Function>(unbraid::program_symbol(name));
  if (function) return;
  std::fprintf(stderr, "the program exports no %s\n", name);
  std::abort();
}

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

extern "C" UNBRAID_EXPORT const ApiBase* OrtGetApiBase() {
  static const ApiBase base{&get_api, &get_version};
  find_in_program("test_run_begins", test_run_begins);
  find_in_program("test_run_ends", test_run_ends);
  const std::filesystem::path library = unbraid::environment_path("TEST_REAL_ORT_LIBRARY");
  std::string failure;
  void* entry = unbraid::load_symbol(library, "OrtGetApiBase", failure);
  if (!entry) {
    std::fprintf(stderr, "TEST_REAL_ORT_LIBRARY: %s\n", failure.c_str());
    std::abort();
  }
  real_base = reinterpret_cast<const ApiBase* (*)()>(entry)();
  return &base;
}
