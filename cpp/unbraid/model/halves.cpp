#include "unbraid/model/halves.h"

#include <algorithm>

#include "unbraid/model/graph_cut.h"
#include "unbraid/model/model_info.h"

namespace unbraid {

Halves::Halves(std::string_view model) {
  const GraphCut cut(model);
  crossing_ = cut.crossing();
  open(kFirstHalf, cut.first());
  std::vector<ort::TensorInfo> crossing;
  for (ort::TensorInfo& output : sessions_[kFirstHalf]->outputs()) {
    if (std::find(crossing_.begin(), crossing_.end(), output.name) == crossing_.end()) continue;
    if (output.element == 0) throw ModelError("what would cross a cut is no tensor");
    crossing.push_back(std::move(output));
  }
  open(kSecondHalf, cut.second(crossing));
}

void Halves::open(Half half, const std::string& bytes) {
  sessions_[half] = std::make_unique<ort::Session>(bytes.data(), bytes.size());
  for (const auto& tensors : {sessions_[half]->inputs(), sessions_[half]->outputs()}) {
    for (const ort::TensorInfo& tensor : tensors) names_[half].push_back(tensor.name);
  }
}

bool Halves::has(Half half, const std::string& name) const {
  return std::find(names_[half].begin(), names_[half].end(), name) != names_[half].end();
}

}  // namespace unbraid
