#include "unbraid/model/run_limit.h"

#include <chrono>
#include <utility>

namespace unbraid {

RunLimit::RunLimit(double seconds, std::function<void()> interrupt)
    : interrupt_(std::move(interrupt)), thread_([this, seconds] { watch(seconds); }) {}

RunLimit::~RunLimit() {
  {
    const std::scoped_lock lock(mutex_);
    done_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool RunLimit::passed() const {
  const std::scoped_lock lock(mutex_);
  return passed_;
}

// In steps, because a clock goes on while the process is stopped.
void RunLimit::watch(double seconds) {
  constexpr std::chrono::milliseconds kStep(50);
  std::unique_lock lock(mutex_);
  for (double left = seconds; left > 0.0; left -= std::chrono::duration<double>(kStep).count()) {
    if (changed_.wait_for(lock, kStep, [this] { return done_; })) return;
  }
  passed_ = true;
  interrupt_();
}

}  // namespace unbraid
