#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "plugin/loaded_model.h"

namespace unbraid::plugin {

/// A change of models in mid-stream: the newcomer listens beside the model at work until its output
/// is as late as it must be, then it is faded in. The main thread hands it over, the audio thread
/// takes it without waiting, and what the audio thread is done with the main thread deletes.
class ModelSwitch {
 public:
  ModelSwitch() = default;
  ~ModelSwitch();
  ModelSwitch(const ModelSwitch&) = delete;

  // For the main thread, at any time.

  /// Hands a newcomer over; one that was not taken yet is dropped for it.
  void offer(std::unique_ptr<LoadedModel> newcomer);
  void delete_retired();

  // For either thread, but never beside the audio thread's.

  /// Begins anew with this model, or with none.
  void set(std::unique_ptr<LoadedModel> model);
  /// The newest model takes over at once.
  void settle();

  // For the audio thread: neither allocates nor waits.

  LoadedModel* current() const { return current_.get(); }
  LoadedModel* newcomer() const { return newcomer_.get(); }
  /// Takes what was offered, unless there is a newcomer already. True if it did.
  bool take_offer();
  /// How many samples the newcomer has heard.
  std::size_t heard() const { return heard_; }
  void add_heard(std::size_t count) { heard_ += count; }
  /// The newcomer takes over.
  void promote();
  /// The newcomer goes, the model at work stays.
  void reject();

 private:
  void retire(LoadedModel* model);

  std::unique_ptr<LoadedModel> current_;
  std::unique_ptr<LoadedModel> newcomer_;
  std::size_t heard_ = 0;
  std::atomic<LoadedModel*> offered_{nullptr};
  std::atomic<LoadedModel*> retired_{nullptr};  // a list, linked by next_retired
};

}  // namespace unbraid::plugin
