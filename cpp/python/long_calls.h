#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#ifndef _WIN32
#include <pthread.h>
#endif

#include "python/fork_gate.h"
#include "unbraid/model/model.h"
#include "unbraid/model/run_limit.h"

// What keeps a call from Python that takes long from being deaf: Ctrl-C is heard between two runs
// of the model, and a run that does not end is ended.
namespace unbraid {

/// One thread that counts how long the runs under way have taken. It sleeps while there are none.
class RunWatch {
 public:
  /// One run after the other, each of which may take `max_seconds`.
  class Runs {
   public:
    Runs(std::function<void()> interrupt, double max_seconds)
        : interrupt_(std::move(interrupt)),
          max_steps_(static_cast<int>(max_seconds * 10.0)),
          watch_(RunWatch::instance()) {
      watch_.add(this);
    }
    ~Runs() { watch_.remove(this); }
    Runs(const Runs&) = delete;

    void next() { steps_ = 0; }
    bool passed_limit() const { return steps_ >= max_steps_; }

   private:
    friend class RunWatch;
    std::function<void()> interrupt_;
    int max_steps_;  // of a tenth of a second
    RunWatch& watch_;
    std::atomic<int> steps_{0};
  };

 private:
  static constexpr std::chrono::milliseconds kStep{100};

  /// Never destroyed: its thread outlives every scope. It does not outlive a fork, which is why the
  /// child gets another.
  static RunWatch& instance() {
    static std::atomic<RunWatch*> watch{nullptr};
#ifndef _WIN32
    static const int registered = pthread_atfork(nullptr, nullptr, [] { watch = nullptr; });
    (void)registered;
#endif
    RunWatch* known = watch;
    if (known) return *known;
    auto* made = new RunWatch;
    if (watch.compare_exchange_strong(known, made)) return *made;
    delete made;
    return *known;
  }

  void add(Runs* runs) {
    const std::scoped_lock lock(mutex_);
    if (!started_) std::thread([this] { count(); }).detach();
    started_ = true;
    runs_.push_back(runs);
    if (asleep_) awake_.notify_one();
  }

  void remove(Runs* runs) {
    const std::scoped_lock lock(mutex_);
    runs_.erase(std::find(runs_.begin(), runs_.end(), runs));
  }

  [[noreturn]] void count() {
    leave_signals_to_others();
    std::unique_lock lock(mutex_);
    for (;;) {
      asleep_ = true;
      awake_.wait(lock, [this] { return !runs_.empty(); });
      asleep_ = false;
      lock.unlock();
      std::this_thread::sleep_for(kStep);  // a stopped process counts nothing
      lock.lock();
      for (Runs* runs : runs_) {
        if (++runs->steps_ == runs->max_steps_) runs->interrupt_();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable awake_;
  std::vector<Runs*> runs_;
  bool started_ = false;
  bool asleep_ = false;
};

/// Throws what a signal's handler in Python raises, as Ctrl-C does. Without the interpreter's lock.
inline void check_signals() {
  const pybind11::gil_scoped_acquire acquire;
  if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

/// Makes what takes a while to make; the lock of the interpreter is free for others meanwhile.
template <typename Make>
auto make_unlocked(Make make) {
  const pybind11::gil_scoped_release release;
  try {
    const ForkGate::Inside inside;
    return make();
  } catch (const std::runtime_error&) {
    check_signals();
    throw;
  }
}

/// Does `run(i)` for i from 0 to below `count`, without the interpreter's lock, which must not be
/// held. `interrupt` ends a run, by any thread.
template <typename Run>
void run_all(pybind11::ssize_t count, std::function<void()> interrupt, Run run,
             double max_seconds = kMaxRunSeconds) {
  using Clock = std::chrono::steady_clock;
  RunWatch::Runs runs(std::move(interrupt), max_seconds);
  auto checked = Clock::now();
  try {
    for (pybind11::ssize_t i = 0; i < count; ++i) {
      {
        const ForkGate::Inside inside;
        run(i);
      }
      runs.next();
      if (Clock::now() - checked < std::chrono::milliseconds(100)) continue;
      check_signals();
      checked = Clock::now();
    }
  } catch (const ort::Error&) {
    if (!runs.passed_limit()) throw;
    check_signals();
    throw std::runtime_error("a run of the model did not end in time");
  }
}

}  // namespace unbraid
