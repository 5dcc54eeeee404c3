#include "unbraid/stream/separator.h"

namespace unbraid {

Separator::Separator(const std::shared_ptr<const Model>& model, double sample_rate, int channels)
    : Stream(model, sample_rate, channels, model->info().num_stems()) {}

void Separator::render_hop(const float* masks) { render_stems(masks, 0); }

}  // namespace unbraid
