#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "run_hook.h"
#include "test_models.h"
#include "unbraid/stream/separator.h"

using namespace unbraid;

namespace {

struct Rig {
  explicit Rig(const std::shared_ptr<const Model>& model) : stream(model, 48000.0, 1) {
    for (auto& output : outputs) rows.push_back(output.data());
  }
  void process(std::size_t count) {
    const float* row = input.data();
    stream.process(&row, rows.data(), count);
  }

  static constexpr std::size_t kSamples = 5000;
  Separator stream;
  std::vector<float> input = std::vector<float>(kSamples, 0.5f);
  std::vector<std::vector<float>> outputs{3, std::vector<float>(kSamples, 7.0f)};
  std::vector<float*> rows;
};

}  // namespace

TEST_CASE("a model that fails leaves silence, and nothing of what was in the memory") {
  const auto model = std::make_shared<const Model>(model_path("alpha"));
  Rig rig(model);
  {
    const run_hook::Failing failing(run_hook::last_session());
    CHECK_THROWS_AS(rig.process(Rig::kSamples), ort::Error);
  }
  const auto silent = [&](std::size_t from) {
    return std::all_of(rig.outputs.begin(), rig.outputs.end(), [from](const auto& output) {
      return std::all_of(output.begin() + from, output.end(), [](float x) { return x == 0.0f; });
    });
  };
  CHECK(silent(768));
  for (auto& output : rig.outputs) std::fill(output.begin(), output.end(), 7.0f);
  CHECK_THROWS_AS(rig.process(Rig::kSamples), std::runtime_error);
  CHECK(silent(0));
  rig.stream.reset();
  CHECK_NOTHROW(rig.process(Rig::kSamples));
  CHECK_FALSE(silent(0));
}

TEST_CASE("a stream that was interrupted or given up waits for its reset") {
  const auto model = std::make_shared<const Model>(model_path("alpha"));
  Rig rig(model), other(model);
  rig.stream.interrupt();
  CHECK_THROWS_AS(rig.process(Rig::kSamples), ort::Error);
  CHECK_NOTHROW(other.process(Rig::kSamples));  // of the same model
  rig.stream.reset();
  CHECK_NOTHROW(rig.process(Rig::kSamples));
  rig.stream.abandon();
  CHECK_THROWS_AS(rig.process(1), std::runtime_error);
  rig.stream.reset();
  rig.process(Rig::kSamples);
  CHECK(rig.outputs == other.outputs);
}

TEST_CASE("threads: the steps of a stream may be busy at once, the network's halves too") {
  constexpr std::size_t kBlock = 1000, kBlocks = 20;
  const auto model = std::make_shared<const Model>(model_path("alpha"));
  REQUIRE(model->halves());
  Separator stepped(model, 48000.0, 1), whole(model, 48000.0, 1);
  stepped.halve();
  std::vector<float> input(kBlock * kBlocks);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = 0.001f * (i * 7919 % 1000);

  std::vector<std::vector<float>> expected(3, input), rendered(3);
  const float* row = input.data();
  float* rows[] = {expected[0].data(), expected[1].data(), expected[2].data()};
  whole.process(&row, rows, input.size());

  std::vector<std::vector<Hops>> heard(kBlocks);
  const auto render = [&](std::vector<Hops>& each) {
    for (Hops& hops : each) {
      float* to[3];
      for (int stem = 0; stem < 3; ++stem) {
        const std::size_t before = rendered[stem].size();
        rendered[stem].resize(before + hops.size() * stepped.hop_length());
        to[stem] = rendered[stem].data() + before;
      }
      stepped.render(hops, to);
    }
  };
  for (std::size_t i = 0; i < kBlocks + 3; ++i) {
    std::vector<std::thread> threads;
    if (i < kBlocks) {
      threads.emplace_back([&] {
        const float* block = input.data() + i * kBlock;
        heard[i] = stepped.hear(&block, kBlock);
      });
    }
    if (i > 0 && i <= kBlocks) {
      threads.emplace_back([&] {
        for (Hops& hops : heard[i - 1]) stepped.estimate_first_half(hops);
      });
    }
    if (i > 1 && i <= kBlocks + 1) {
      threads.emplace_back([&] {
        for (Hops& hops : heard[i - 2]) stepped.estimate_second_half(hops);
      });
    }
    if (i > 2) threads.emplace_back([&] { render(heard[i - 3]); });
    for (std::thread& thread : threads) thread.join();
  }
  for (int stem = 0; stem < 3; ++stem) {  // a hop earlier than at once
    const auto compared = expected[stem].size() - stepped.hop_length();
    REQUIRE(rendered[stem].size() >= compared);
    CHECK(std::equal(rendered[stem].begin(), rendered[stem].begin() + compared,
                     expected[stem].begin() + stepped.hop_length()));
  }
}
