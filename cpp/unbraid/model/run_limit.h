#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace unbraid {

/// For threads of ours: signals belong to those of the program.
void leave_signals_to_others();

/// Calls `interrupt` from a thread of its own if it lives longer than that. Sleep and a stopped
/// process do not count. Not for the audio path.
class RunLimit {
 public:
  RunLimit(double seconds, std::function<void()> interrupt);
  ~RunLimit();
  RunLimit(const RunLimit&) = delete;

  /// Whether it did.
  bool passed() const;

 private:
  void watch(double seconds);

  std::function<void()> interrupt_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  bool passed_ = false;
  std::thread thread_;
};

}  // namespace unbraid
