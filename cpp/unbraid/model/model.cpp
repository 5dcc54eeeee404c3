#include "unbraid/model/model.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

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

constexpr std::int64_t kAny = -1;      // as the runtime has it: left open
constexpr std::int64_t kUnknown = -2;  // what is expected depends on an entry that is wrong

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += i ? ", " : "";
    text += shape[i] == kAny ? "T" : shape[i] < 0 ? "?" : std::to_string(shape[i]);
  }
  return text + ")";
}

const std::vector<std::int64_t> kUnknownShape = {kUnknown};  // likewise, of any rank

/// The shape of a tensor of one frame, as it is of any number of them.
std::vector<std::int64_t> any_frames(std::vector<std::int64_t> shape) {
  for (std::int64_t& length : shape) length = length > 0 ? length : kUnknown;
  shape[1] = kAny;
  return shape;
}

bool fits(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& expected) {
  if (expected == kUnknownShape) return true;
  return std::equal(
      shape.begin(), shape.end(), expected.begin(), expected.end(),
      [](auto length, auto wanted) { return wanted == kUnknown || length == wanted; });
}

/// Takes the tensor of that name out of the list, and checks its type and shape.
void take(std::vector<ort::TensorInfo>& tensors, const std::string& role, const std::string& name,
          const std::vector<std::int64_t>& shape, Problems& problems) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(),
                   [&](const ort::TensorInfo& tensor) { return tensor.name == name; });
  if (found == tensors.end()) {
    problems.add("the graph has no " + role + " `" + name + "`");
    return;
  }
  const ort::TensorInfo tensor = std::move(*found);
  tensors.erase(found);
  if (!tensor.is_float32()) {
    problems.add(role + " `" + name + "` must be a float32 tensor");
  } else if (!fits(tensor.shape, shape)) {
    problems.add(role + " `" + name + "` must have shape " + shape_text(shape) + ", not " +
                 shape_text(tensor.shape));
  }
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
  explicit Noise(const ModelInfo& info) : info_(info), bins_(info.num_bins) {}

  /// A frame of it: power[num_planes][num_bands], with that level in each bin.
  void fill(float* power, float level) {
    for (int plane = 0; plane < info_.num_planes(); ++plane) {
      fill(bins_.data(), info_.num_bins, level);
      info_.sum_bands(bins_.data(), power + plane * info_.num_bands());
    }
  }
  void fill(float* values, int count, float level) {
    std::generate_n(values, count, [&] {
      seed_ = seed_ * 1664525u + 1013904223u;
      return level * static_cast<float>(seed_ >> 8) / (1 << 24);
    });
  }

 private:
  const ModelInfo& info_;
  std::vector<float> bins_;
  std::uint32_t seed_ = 1;
};

bool is_state(const std::string& name) {
  const std::string suffix = "_state";
  return name.size() > suffix.size() &&
         name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
}

}  // namespace

Model::Model(const std::filesystem::path& path) : path_(path) {
  try {
    Problems problems(Problems::Mode::kThrow);
    load(problems);
  } catch (const ModelError& error) {
    throw ModelError(printable(path.u8string() + ": " + error.what()));
  }
}

std::vector<std::string> Model::find_problems(const std::filesystem::path& path) {
  Model model;
  model.path_ = path;
  Problems problems(Problems::Mode::kCollect);
  problems.pass([&] { model.load(problems); });
  std::vector<std::string> found;
  for (const std::string& problem : problems.found()) found.push_back(printable(problem));
  return found;
}

void Model::load(Problems& problems) {
  // What ONNX Runtime gets is what was looked at: it keeps no data outside, and asks for no more
  // memory than there may be.
  const std::string bytes = read_model_file(path_);
  info_ = parse_model_info(read_metadata(bytes), problems);
  check_tensor_data(bytes);
  num_nodes_ = count_nodes(bytes);
  try {
    session_ = std::make_unique<ort::Session>(bytes.data(), bytes.size());
  } catch (const ort::GraphError& error) {
    throw ModelError(std::string("not a usable ONNX file: ") + error.what());
  }
  check_graph(problems);
  if (!problems.none()) return;
  if (info_.streams()) {
    try_out();
  } else {
    one_frame_reason_ = "it hears a whole signal at once";
    try_embeddings();
  }
}

void Model::check_graph(Problems& problems) {
  std::vector<ort::TensorInfo> inputs = session_->inputs();
  std::vector<ort::TensorInfo> outputs = session_->outputs();
  const auto expected = [this](const std::vector<std::int64_t>& shape) {
    return info_.num_planes() > 0 ? any_frames(shape) : kUnknownShape;
  };
  take(inputs, "input", "power", expected(info_.power_shape(1)), problems);
  if (info_.streams()) {
    take(outputs, "output", "masks", expected(info_.masks_shape(1)), problems);
    take_states(inputs, outputs, problems);
  } else {
    const auto shape = expected({1, 1, info_.num_bands(), info_.embedding});
    take(outputs, "output", "embeddings", shape, problems);
    for (const ort::TensorInfo& input : inputs) {
      problems.add("input `" + input.name + "`: beside embeddings there is only `power`");
    }
  }
  for (const ort::TensorInfo& output : outputs) {
    problems.add("output `" + output.name + "` is " +
                 (info_.streams() ? "neither `masks` nor a state's next" : "not `embeddings`"));
  }
}

void Model::take_states(std::vector<ort::TensorInfo>& inputs, std::vector<ort::TensorInfo>& outputs,
                        Problems& problems) {
  if (inputs.size() > kMaxStates) throw_too_large();
  std::int64_t size_of_all = 0;
  for (const ort::TensorInfo& input : inputs) {
    if (!is_state(input.name)) {
      problems.add("input `" + input.name + "` is neither `power` nor a `<x>_state`");
      continue;
    }
    if (!input.is_float32()) problems.add("input `" + input.name + "` must be a float32 tensor");
    std::int64_t size = 1;
    const bool fixed = std::all_of(input.shape.begin(), input.shape.end(),
                                   [](std::int64_t length) { return length >= 1; });
    if (!fixed) {
      problems.add("input `" + input.name + "` must have a fixed shape, not " +
                   shape_text(input.shape));
    }
    for (const std::int64_t length : input.shape) {
      if (!fixed) break;
      if (length > kMaxStateValues / size) throw_too_large();
      size *= length;
    }
    size_of_all += size;
    if (size_of_all > kMaxStateValues) throw_too_large();
    take(outputs, "output", "next_" + input.name, input.shape, problems);
    states_.push_back({input.name, "next_" + input.name, input.shape});
  }
}

/// As try_out, of one frame and of several at once.
void Model::try_embeddings() const {
  Embedder embedder(unowned(*this));
  const RunLimit limit(kMaxRunSeconds, [&embedder] { embedder.interrupt(); });
  std::vector<float> power;
  Noise noise(info_);
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
  Noise noise(info_);
  std::vector<float> power(info_.power_size()), masks(info_.masks_size());
  try {
    for (const float level : {0.0f, 0.0f, 1e-9f, 1e-6f, 1e-3f, 1.0f, 1.0f, 0.0f, 0.0f}) {
      noise.fill(power.data(), level);
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
  MaskEstimator together(unowned(*this)), alone(unowned(*this));
  together.reserve(kMaxFramesPerRun);
  try {
    const std::string difference =
        find_difference(together, alone, [&](const float* power, int count, float* masks) {
          for (int frame = 0; frame < count; ++frame) {
            alone.estimate(power + frame * info_.power_size(), 1,
                           masks + frame * info_.masks_size());
          }
        });
    return difference.empty() ? "" : difference + " by how many hops share a run";
  } catch (const ort::Error&) {
    return "it runs with one hop alone";
  }
}

/// Likewise where the halves of the network make them.
std::string Model::compare_halves(const Halves& halves) const {
  MaskEstimator whole(unowned(*this)), halved(unowned(*this));
  for (MaskEstimator* estimator : {&whole, &halved}) estimator->reserve(frames_per_run());
  halved.halve(halves);
  const std::string difference =
      find_difference(whole, halved, [&](const float* power, int count, float* masks) {
        halved.finish(halved.begin(power, count), power, count, masks);
      });
  return difference.empty() ? "" : difference + " when it is cut in two";
}

/// What differs, masks or states, between one estimator and another that `estimate` makes masks
/// with: nothing if empty. Throws ort::Error if a run fails, or if they do not end in time.
template <typename Estimate>
std::string Model::find_difference(MaskEstimator& usual, MaskEstimator& other,
                                   Estimate estimate) const {
  constexpr int kFrames = 2 * kMaxFramesPerRun - 1;  // runs of every number there is
  const RunLimit limit(kMaxRunSeconds, [&] {
    usual.interrupt();
    other.interrupt();
  });
  const auto same = [](const float* a, const float* b, std::size_t size) {
    return std::memcmp(a, b, size * sizeof(float)) == 0;
  };
  std::vector<float> power(kMaxFramesPerRun * info_.power_size());
  std::vector<float> expected(kMaxFramesPerRun * info_.masks_size()), masks(expected.size());
  Noise noise(info_);
  for (int first = 0; first < kFrames; first += kMaxFramesPerRun) {
    const int count = std::min(kMaxFramesPerRun, kFrames - first);
    for (int frame = 0; frame < count; ++frame) {
      noise.fill(power.data() + frame * info_.power_size(), frame % 2 ? 1e-3f : 0.1f);
    }
    usual.estimate(power.data(), count, expected.data());
    estimate(power.data(), count, masks.data());
    if (!same(expected.data(), masks.data(), count * info_.masks_size())) return "masks differ";
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const ort::Tensor &one = usual.state(i), &another = other.state(i);
      if (!same(one.data(), another.data(), one.size())) {
        return "`" + states_[i].name + "` differs";
      }
    }
  }
  return "";
}

const Halves* Model::halves() const {
  std::call_once(cut_once_, [this] { cut(); });
  return halves_.get();
}

void Model::cut() const {
  if (!info_.streams()) {
    one_piece_reason_ = one_frame_reason_;
    return;
  }
  try {
    const std::string bytes = read_model_file(path_);
    check_tensor_data(bytes);  // once more, for who knows whose they are now
    auto halves = std::make_unique<const Halves>(bytes);
    one_piece_reason_ = compare_halves(*halves);
    if (one_piece_reason_.empty()) halves_ = std::move(halves);
  } catch (const ModelError& error) {
    one_piece_reason_ = error.what();
  } catch (const std::filesystem::filesystem_error&) {
    one_piece_reason_ = "its file cannot be read any more";
  } catch (const ort::Error&) {
    one_piece_reason_ = "it does not run when it is cut in two";
  }
}

}  // namespace unbraid
