#include "unbraid/dsp/delay_line.h"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

using unbraid::DelayLine;

namespace {

constexpr std::size_t kMaxBlock = 7;

/// 1, 2, 3, ... through the line in blocks of these sizes, over and over.
std::vector<float> through(DelayLine& line, const std::vector<std::size_t>& sizes,
                           std::size_t length) {
  std::vector<float> input(length), output(length);
  std::iota(input.begin(), input.end(), 1.0f);
  for (std::size_t done = 0, i = 0; done < length; ++i) {
    const std::size_t count = std::min(sizes[i % sizes.size()], length - done);
    line.push(input.data() + done, count);
    line.read(output.data() + done, count);
    done += count;
  }
  return output;
}

void check_delayed(const std::vector<float>& output, std::size_t delay) {
  for (std::size_t i = 0; i < output.size(); ++i) {
    REQUIRE(output[i] == (i < delay ? 0.0f : static_cast<float>(i - delay + 1)));
  }
}

}  // namespace

TEST_CASE("a delay line is late by its delay, however the signal is cut and wherever it wraps") {
  for (const std::size_t delay : {0u, 1u, 3u, 7u, 8u, 100u}) {
    for (const std::vector<std::size_t>& sizes :
         {std::vector<std::size_t>{1}, {kMaxBlock}, {3, 5}, {0, 7, 0, 1, 0}, {2, 7, 6, 1}}) {
      DelayLine line(delay, kMaxBlock);
      check_delayed(through(line, sizes, 300), delay);
    }
  }
}

TEST_CASE("pushing and reading nothing changes nothing") {
  DelayLine line(3, kMaxBlock);
  const float sample = 5.0f;
  line.push(&sample, 1);
  float out[3];
  line.push(&sample, 0);
  line.read(out, 0);
  const float silence[3] = {};
  line.push(silence, 3);
  line.read(out, 3);
  CHECK(out[2] == 5.0f);
}

TEST_CASE("what came out last can be read again, in part or in place") {
  DelayLine line(2, kMaxBlock);
  float block[4] = {1, 2, 3, 4};
  line.push(block, 4);
  float last = 0.0f;
  line.read(&last, 1);
  CHECK(last == 2.0f);
  line.read(block, 4);
  CHECK(std::vector<float>(block, block + 4) == std::vector<float>{0, 0, 1, 2});
}

TEST_CASE("a delay line that was reset is as new") {
  DelayLine line(5, kMaxBlock);
  through(line, {4}, 23);
  line.reset();
  check_delayed(through(line, {7, 2}, 60), 5);
}
