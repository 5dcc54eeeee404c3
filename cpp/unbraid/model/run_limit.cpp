#include "unbraid/model/run_limit.h"

#include <chrono>
#include <cmath>
#include <utility>

#ifndef _WIN32
#include <signal.h>  // NOLINT(modernize-deprecated-headers): <csignal> has no masks
#endif

namespace unbraid {

void leave_signals_to_others() {
#ifndef _WIN32
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
#endif
}

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
  leave_signals_to_others();
  std::unique_lock lock(mutex_);
  for (auto steps = std::lround(seconds * 1000.0) / kStep.count(); steps > 0; --steps) {
    if (changed_.wait_for(lock, kStep, [this] { return done_; })) return;
  }
  passed_ = true;
  interrupt_();
}

}  // namespace unbraid
