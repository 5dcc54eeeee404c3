#include "unbraid/model/embedder.h"

#include <algorithm>
#include <cmath>

namespace unbraid {

Embedder::Embedder(std::shared_ptr<const Model> model) : model_(std::move(model)) {
  if (model_->info().streams()) {
    throw ModelError("the model '" + model_->info().name + "' has masks, not embeddings");
  }
}

std::vector<float> Embedder::embed(const float* power, int num_frames) const {
  const ModelInfo& info = model_->info();
  ort::Tensor input({1, num_frames, info.num_bands()});
  ort::Tensor output({1, num_frames, info.num_bands(), info.embedding});
  std::copy_n(power, input.size(), input.data());
  ort::Bindings bindings;
  bindings.input("power", input);
  bindings.output("embeddings", output);
  model_->session().run(bindings, interrupt_);
  std::vector<float> embeddings(output.data(), output.data() + output.size());
  const bool finite = std::all_of(embeddings.begin(), embeddings.end(),
                                  [](float value) { return std::isfinite(value); });
  if (!finite) throw ort::Error("the model's embeddings are not all finite");
  return embeddings;
}

}  // namespace unbraid
