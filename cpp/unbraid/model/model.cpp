#include "unbraid/model/model.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "unbraid/model/embedder.h"
#include "unbraid/model/mask_estimator.h"
#include "unbraid/model/model_file.h"
#include "unbraid/model/run_limit.h"
#include "unbraid/model/tensor_data.h"
#include "unbraid/model/text.h"

namespace unbraid {
namespace {

constexpr std::chrono::seconds kTrialTime{1};
constexpr char kTooSlow[] = "too slow a model to try more in the time there is";

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + (shape[i] < 0 ? std::string("T") : std::to_string(shape[i]));
  }
  return text + ")";
}

/// Takes the tensor of that name out of the list, after checking its type and shape.
ort::TensorInfo take(std::vector<ort::TensorInfo>& tensors, const std::string& role,
                     const std::string& name, const std::vector<std::int64_t>& shape) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(),
                   [&](const ort::TensorInfo& tensor) { return tensor.name == name; });
  if (found == tensors.end()) throw ModelError("the graph has no " + role + " `" + name + "`");
  ort::TensorInfo tensor = *found;
  tensors.erase(found);
  if (!tensor.is_float32) throw ModelError(role + " `" + name + "` must be a float32 tensor");
  if (tensor.shape != shape) {
    throw ModelError(role + " `" + name + "` must have shape " + shape_text(shape) + ", not " +
                     shape_text(tensor.shape));
  }
  return tensor;
}

[[noreturn]] void throw_too_large() {
  throw ModelError("its states are more than " + std::to_string(kMaxStates) +
                   ", or have more than " + std::to_string(kMaxStateValues) + " values");
}

/// For what lives no longer than the model.
std::shared_ptr<const Model> unowned(const Model& model) {
  return {std::shared_ptr<void>(), &model};
}

/// The same noise for every model.
class Noise {
 public:
  void fill(float* power, int num_bins, float level) {
    std::generate_n(power, num_bins, [&] {
      seed_ = seed_ * 1664525u + 1013904223u;
      return level * static_cast<float>(seed_ >> 8) / (1 << 24);
    });
  }

 private:
  std::uint32_t seed_ = 1;
};

bool is_state(const std::string& name) {
  const std::string suffix = "_state";
  return name.size() > suffix.size() &&
         name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
}

}  // namespace

Model::Model(const std::string& path) : path_(path) {
  try {
    // What ONNX Runtime gets is what was looked at, and nothing that did not pass.
    const std::string bytes = read_model_file(path);
    info_ = parse_model_info(read_metadata(bytes));
    check_tensor_data(bytes);
    try {
      session_ = std::make_unique<ort::Session>(bytes.data(), bytes.size());
    } catch (const ort::GraphError& error) {
      throw ModelError(std::string("not a usable ONNX file: ") + error.what());
    }
    check_graph();
    if (info_.streams()) {
      try_out();
    } else {
      one_frame_reason_ = "it hears a whole signal at once";
      try_embeddings();
    }
  } catch (const ModelError& error) {
    throw ModelError(printable(path + ": " + error.what()));
  }
}

void Model::check_graph() {
  const std::int64_t any = -1;
  std::vector<ort::TensorInfo> inputs = session_->inputs();
  std::vector<ort::TensorInfo> outputs = session_->outputs();
  take(inputs, "input", "power", {1, any, info_.num_bands()});
  if (info_.streams()) {
    take(outputs, "output", "masks", {1, any, info_.num_stems(), info_.num_bands()});
    take_states(inputs, outputs);
  } else {
    take(outputs, "output", "embeddings", {1, any, info_.num_bands(), info_.embedding});
    if (!inputs.empty()) {
      throw ModelError("input `" + inputs[0].name + "`: beside embeddings there is only `power`");
    }
  }
  if (outputs.empty()) return;
  const std::string& name = outputs[0].name;
  if (!info_.streams()) throw ModelError("output `" + name + "` is not `embeddings`");
  throw ModelError("output `" + name + "` is neither `masks` nor a state's next");
}

void Model::take_states(std::vector<ort::TensorInfo>& inputs,
                        std::vector<ort::TensorInfo>& outputs) {
  if (inputs.size() > kMaxStates) throw_too_large();
  std::int64_t size_of_all = 0;
  for (const ort::TensorInfo& input : inputs) {
    if (!is_state(input.name)) {
      throw ModelError("input `" + input.name + "` is neither `power` nor a `<x>_state`");
    }
    if (!input.is_float32) throw ModelError("input `" + input.name + "` must be a float32 tensor");
    std::int64_t size = 1;
    for (const std::int64_t length : input.shape) {
      if (length < 1) {
        throw ModelError("input `" + input.name + "` must have a fixed shape, not " +
                         shape_text(input.shape));
      }
      if (length > kMaxStateValues / size) throw_too_large();
      size *= length;
    }
    size_of_all += size;
    if (size_of_all > kMaxStateValues) throw_too_large();
    take(outputs, "output", "next_" + input.name, input.shape);
    states_.push_back({input.name, "next_" + input.name, input.shape});
  }
}

/// As try_out, of one frame and of several at once.
void Model::try_embeddings() const {
  Embedder embedder(unowned(*this));
  const RunLimit limit(kMaxRunSeconds, [&embedder] { embedder.interrupt(); });
  std::vector<float> power;
  Noise noise;
  for (const float level : {0.0f, 0.0f, 1e-9f, 1e-6f, 1e-3f, 1.0f, 1.0f, 0.0f, 0.0f}) {
    power.resize(power.size() + info_.num_bands());
    noise.fill(power.data() + power.size() - info_.num_bands(), info_.num_bands(), level);
  }
  try {
    for (const std::size_t frames : {std::size_t{1}, power.size() / info_.num_bands()}) {
      embedder.embed(power.data(), static_cast<int>(frames));
    }
  } catch (const ort::Error& error) {
    if (limit.passed()) throw ModelError("a trial of its graph did not end in time");
    throw ModelError(std::string("a trial of its graph failed: ") + error.what());
  }
}

/// Silence, then noise from the threshold of hearing up to full scale, then silence again; of it as
/// much as there is time for. A model that is fast enough is tried with several frames a run, too.
void Model::try_out() {
  const auto start = std::chrono::steady_clock::now();
  const auto took = [start] { return std::chrono::steady_clock::now() - start; };
  MaskEstimator estimator(unowned(*this));
  const RunLimit limit(kMaxRunSeconds, [&estimator] { estimator.interrupt(); });
  Noise noise;
  std::vector<float> bins(info_.num_bins), power(info_.num_bands());
  std::vector<float> masks(static_cast<std::size_t>(info_.num_stems()) * info_.num_bands());
  try {
    for (const float level : {0.0f, 0.0f, 1e-9f, 1e-6f, 1e-3f, 1.0f, 1.0f, 0.0f, 0.0f}) {
      noise.fill(bins.data(), info_.num_bins, level);
      info_.sum_bands(bins.data(), power.data());
      estimator.estimate(power.data(), 1, masks.data());
      if (took() > kTrialTime) {  // slow, but not for ever
        one_frame_reason_ = kTooSlow;
        return;
      }
    }
  } catch (const ort::Error& error) {
    if (limit.passed()) throw ModelError("a trial of its graph did not end in time");
    throw ModelError(std::string("a trial of its graph failed: ") + error.what());
  }
  one_frame_reason_ = 8 * took() < kTrialTime ? compare_runs() : kTooSlow;
}

/// What differs, masks or states, where frames share a run: nothing if empty. Whatever kernels the
/// runtime chooses for their number, a result must not depend on how the audio was cut up.
std::string Model::compare_runs() const {
  constexpr int kFrames = 2 * kMaxFramesPerRun - 1;  // runs of every number there is
  MaskEstimator together(unowned(*this)), alone(unowned(*this));
  together.reserve(kMaxFramesPerRun);
  const RunLimit limit(kMaxRunSeconds, [&] {
    together.interrupt();
    alone.interrupt();
  });
  const int num_bands = info_.num_bands();
  const std::size_t num_masks = static_cast<std::size_t>(info_.num_stems()) * num_bands;
  const auto same = [](const float* a, const float* b, std::size_t size) {
    return std::memcmp(a, b, size * sizeof(float)) == 0;
  };
  std::vector<float> bins(info_.num_bins), power(kMaxFramesPerRun * num_bands);
  std::vector<float> masks(kMaxFramesPerRun * num_masks), of_one(num_masks);
  Noise noise;
  try {
    for (int first = 0; first < kFrames; first += kMaxFramesPerRun) {
      const int count = std::min(kMaxFramesPerRun, kFrames - first);
      for (int frame = 0; frame < count; ++frame) {
        noise.fill(bins.data(), info_.num_bins, frame % 2 ? 1e-3f : 0.1f);
        info_.sum_bands(bins.data(), power.data() + frame * num_bands);
      }
      together.estimate(power.data(), count, masks.data());
      for (int frame = 0; frame < count; ++frame) {
        alone.estimate(power.data() + frame * num_bands, 1, of_one.data());
        if (!same(masks.data() + frame * num_masks, of_one.data(), num_masks)) {
          return "masks differ by how many hops share a run";
        }
      }
      for (std::size_t i = 0; i < states_.size(); ++i) {
        const ort::Tensor &one = together.state(i), &other = alone.state(i);
        if (!same(one.data(), other.data(), one.size())) {
          return "`" + states_[i].name + "` differs by how many hops share a run";
        }
      }
    }
  } catch (const ort::Error&) {
    return "it runs with one hop alone";
  }
  return "";
}

}  // namespace unbraid
