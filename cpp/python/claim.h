#pragma once

#include <atomic>
#include <stdexcept>

namespace unbraid {

/// The parts of a stream that different threads may use at once.
enum Part : unsigned {
  kHearing = 1,
  kFirstHalfOfNetwork = 2,
  kSecondHalfOfNetwork = 4,
  kNetwork = 6,
  kRendering = 8,
  kAll = 15
};

/// Claims parts of a stream for one call. The core has no locks, so two threads in one of them
/// would corrupt it silently: this makes it an error instead.
class Claim {
 public:
  explicit Claim(std::atomic<unsigned>& busy, unsigned parts = kAll) : busy_(busy), parts_(parts) {
    unsigned before = busy_.load(std::memory_order_relaxed);
    do {
      if ((before & parts) != 0) {
        throw std::runtime_error(
            "this object is in use by another thread: use one object per thread (they share a "
            "Model)");
      }
    } while (!busy_.compare_exchange_weak(before, before | parts, std::memory_order_acquire));
  }
  ~Claim() { busy_.fetch_and(~parts_, std::memory_order_release); }
  Claim(const Claim&) = delete;

 private:
  std::atomic<unsigned>& busy_;
  unsigned parts_;
};

}  // namespace unbraid
