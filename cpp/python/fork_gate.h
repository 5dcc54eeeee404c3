#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#ifndef _WIN32
#include <pthread.h>
#endif

namespace unbraid {

/// A forked child has one thread, and would wait for ever for a lock that another one held. So a
/// fork waits until no thread is within ONNX Runtime, which locks even where a model runs, and lets
/// none in meanwhile.
class ForkGate {
 public:
  /// Within ONNX Runtime: to load it, to open a graph, to make what a run needs or for one run. Not
  /// with the interpreter's lock, which whoever forks has, and not while it is called by another.
  class Inside {
   public:
    Inside() {
      const std::scoped_lock lock(gate().shut_);
      ++gate().inside_;
    }
    ~Inside() { --gate().inside_; }
    Inside(const Inside&) = delete;
  };

  /// Once, when the module is loaded: a fork under way would pass over what is registered later.
  static void open() {
#ifndef _WIN32
    pthread_atfork([] { gate().shut(); }, [] { gate().shut_.unlock(); },
                   [] { gate().shut_.unlock(); });
#endif
  }

 private:
  static ForkGate& gate() {
    static ForkGate gate;
    return gate;
  }

  void shut() {
    shut_.lock();
    while (inside_ != 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }

  std::mutex shut_;
  std::atomic<int> inside_{0};
};

}  // namespace unbraid
