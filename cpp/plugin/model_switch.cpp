#include "plugin/model_switch.h"

namespace unbraid::plugin {

ModelSwitch::~ModelSwitch() {
  delete offered_.exchange(nullptr);
  delete_retired();
}

void ModelSwitch::offer(std::unique_ptr<LoadedModel> newcomer) {
  delete offered_.exchange(newcomer.release());
}

void ModelSwitch::delete_retired() {
  LoadedModel* model = retired_.exchange(nullptr);
  while (model) {
    LoadedModel* next = model->next_retired;
    delete model;
    model = next;
  }
}

void ModelSwitch::set(std::unique_ptr<LoadedModel> model) {
  delete offered_.exchange(nullptr);
  delete_retired();
  newcomer_.reset();
  current_ = std::move(model);
}

void ModelSwitch::settle() {
  if (newcomer_) promote();
}

bool ModelSwitch::take_offer() {
  // The cheap look comes first: this runs with every block.
  if (newcomer_ || !offered_.load(std::memory_order_relaxed)) return false;
  newcomer_.reset(offered_.exchange(nullptr));
  heard_ = 0;
  return newcomer_ != nullptr;
}

void ModelSwitch::promote() {
  LoadedModel* old = current_.release();
  current_ = std::move(newcomer_);
  if (old) retire(old);
}

void ModelSwitch::reject() { retire(newcomer_.release()); }

void ModelSwitch::retire(LoadedModel* model) {
  model->next_retired = retired_.load(std::memory_order_relaxed);
  while (!retired_.compare_exchange_weak(model->next_retired, model)) {
  }
}

}  // namespace unbraid::plugin
