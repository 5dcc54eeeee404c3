#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace unbraid {

/// One channel, late by a fixed number of samples. Only the constructor allocates.
class DelayLine {
 public:
  /// max_block: the most samples that are pushed at once.
  DelayLine(std::size_t delay, std::size_t max_block) : delay_(delay), ring_(delay + max_block) {}

  void push(const float* samples, std::size_t count) {
    const std::size_t first = std::min(count, ring_.size() - write_);
    std::copy_n(samples, first, ring_.begin() + write_);
    std::copy_n(samples + first, count - first, ring_.begin());
    write_ = (write_ + count) % ring_.size();
  }

  /// The samples that come out while the last `count` went in.
  void read(float* samples, std::size_t count) const {
    const std::size_t start = (write_ + 2 * ring_.size() - delay_ - count) % ring_.size();
    const std::size_t first = std::min(count, ring_.size() - start);
    std::copy_n(ring_.begin() + start, first, samples);
    std::copy_n(ring_.begin(), count - first, samples + first);
  }

  void reset() {
    std::fill(ring_.begin(), ring_.end(), 0.0f);
    write_ = 0;
  }

 private:
  std::size_t delay_;
  std::vector<float> ring_;
  std::size_t write_ = 0;
};

}  // namespace unbraid
