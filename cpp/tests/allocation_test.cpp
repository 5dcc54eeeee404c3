// Proves that process() allocates nothing outside ONNX Runtime's run, from the first block on, and
// that a failing run is an error and no old audio. Usage: allocation_test MODEL
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "allocations.h"
#include "unbraid/stream/remixer.h"
#include "unbraid/stream/separator.h"

namespace {

/// A stream with a block of audio and room for its outputs.
struct Rig {
  Rig(unbraid::Stream& rigged, std::size_t num_samples) : stream(rigged), size(num_samples) {
    const std::size_t num_signals = stream.num_outputs() * stream.channels();
    input.resize(size);
    for (std::size_t i = 0; i < size; ++i) input[i] = 0.001f * static_cast<float>(i * 7919 % 1000);
    output.assign(num_signals, std::vector<float>(size));
    for (auto& signal : output) output_rows.push_back(signal.data());
    input_rows.assign(stream.channels(), input.data());
  }
  void process() { stream.process(input_rows.data(), output_rows.data(), size); }

  unbraid::Stream& stream;
  std::size_t size;
  std::vector<float> input;
  std::vector<std::vector<float>> output;
  std::vector<const float*> input_rows;
  std::vector<float*> output_rows;
};

bool throws(const std::function<void()>& work, const std::string& wanted) {
  try {
    work();
  } catch (const std::runtime_error& error) {
    return std::string(error.what()).find(wanted) != std::string::npos;
  }
  return false;
}

void test_the_count_itself() {
  static void* volatile sink;  // keeps the compiler from leaving the pair out
  check(count_allocations([] { sink = std::malloc(1), std::free(sink); }) == 2,
        "sees malloc, free");
  check(count_allocations([] {
          std::vector<float> grown(1000), other(grown);
          sink = &other;
        }) == 4,
        "sees a vector");
  check(count_allocations([] { sink = ::operator new(64, std::align_val_t(64)); }) == 1,
        "sees an aligned new");
  check(count_allocations([] {}) == 0, "sees nothing in nothing");
}

void test_process(const std::shared_ptr<const unbraid::Model>& model) {
  for (const double sample_rate : {44100.0, 48000.0}) {
    unbraid::Separator separator(model, sample_rate, 2);
    unbraid::Remixer remixer(model, sample_rate, 2, {1.0f, 0.5f, 0.0f});
    for (unbraid::Stream* stream :
         {static_cast<unbraid::Stream*>(&separator), static_cast<unbraid::Stream*>(&remixer)}) {
      for (const std::size_t size : {4096u, 1u, 64u, 480u, 768u, 0u, 10000u}) {
        Rig rig(*stream, size);
        const std::size_t count = count_allocations([&] { rig.process(); });
        check(count == 0, (stream == &remixer ? "remix " : "separate ") + std::to_string(size) +
                              " samples at " + std::to_string(static_cast<int>(sample_rate)) +
                              " Hz: " + std::to_string(count) + " allocations");
        if (size >= 4096) check(run_allocations > 0, "those inside the run were told apart");
      }
      check(count_allocations([&] { stream->reset(); }) == 0, "reset");
    }
    check(count_allocations([&] { remixer.set_gain(1, 0.25f); }) == 0, "set_gain");
  }
}

void test_a_failing_run(const std::shared_ptr<const unbraid::Model>& model) {
  unbraid::Separator separator(model, 48000.0, 1), untouched(model, 48000.0, 1);
  Rig rig(separator, 4000), expected(untouched, 4000);
  fail_runs = true;
  check(throws([&] { rig.process(); }, "made to fail"), "a failing run is an error");
  fail_runs = false;
  check(throws([&] { rig.process(); }, "reset()"), "and stays one until reset");
  separator.reset();
  rig.process();
  expected.process();
  check(rig.output == expected.output, "after which the stream is as new");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s MODEL\n", argv[0]), 2;
  try {
    const auto model = std::make_shared<const unbraid::Model>(argv[1]);
    test_the_count_itself();
    test_process(model);
    test_a_failing_run(model);
  } catch (const std::exception& error) {
    counting = false;
    return std::fprintf(stderr, "%s\n", error.what()), 1;
  }
  return failures == 0 ? 0 : 1;
}
