#pragma once

#include <cstddef>
#include <string>

// Counts what a thread allocates and frees, with what happens inside ONNX Runtime's runs kept
// apart: ort_shim.cpp tells when those begin and end. Linked into a test program, it takes the
// place of malloc and its kin for the whole process.

extern thread_local bool counting;
extern thread_local std::size_t own_allocations;
extern thread_local std::size_t run_allocations;
extern bool fail_runs;  // every run is an error while this is set

extern int failures;
void check(bool passed, const std::string& what);

/// The allocations of `work` outside ONNX Runtime's runs; those inside go to run_allocations.
template <typename Work>
std::size_t count_allocations(Work work) {
  own_allocations = run_allocations = 0;
  counting = true;
  work();
  counting = false;
  return own_allocations;
}
