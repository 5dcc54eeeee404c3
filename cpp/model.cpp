#include "model.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <locale>
#include <numeric>
#include <set>
#include <sstream>
#include <system_error>

#include "stft.h"

namespace unbraid {
namespace {

const std::string kPrefix = "unbraid.";

std::vector<char> read_file(const std::string& path) {
  namespace fs = std::filesystem;
  const auto fail = [&](std::errc code) {
    throw fs::filesystem_error("cannot read the model", path, std::make_error_code(code));
  };
  if (!fs::exists(path)) fail(std::errc::no_such_file_or_directory);
  if (fs::is_directory(path)) fail(std::errc::is_a_directory);
  std::ifstream file(fs::path(path), std::ios::binary);
  if (!file) fail(std::errc::permission_denied);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + (shape[i] < 0 ? std::string("T") : std::to_string(shape[i]));
  }
  return text + ")";
}

/// Reads the metadata entries one by one; every failure names the key.
class Entries {
 public:
  explicit Entries(const std::map<std::string, std::string>& all) : all_(all) {}

  const std::string& text(const std::string& key) const {
    const auto entry = all_.find(key);
    if (entry == all_.end()) throw ModelError("metadata has no " + kPrefix + key);
    if (entry->second.empty()) throw ModelError("metadata " + kPrefix + key + " is empty");
    return entry->second;
  }

  std::string one_of(const std::string& key, const std::string& only) const {
    if (text(key) != only) fail(key, "this version supports only \"" + only + "\"");
    return only;
  }

  template <typename Number>
  Number number(const std::string& key, Number low, Number high) const {
    std::istringstream stream(text(key));
    stream.imbue(std::locale::classic());  // a host may have set a decimal comma
    Number value{};
    stream >> value;
    if (!stream || stream.peek() != std::istringstream::traits_type::eof()) {
      fail(key, "not a number");
    }
    if (!(value >= low && value <= high)) fail(key, "out of range");
    return value;
  }

  std::vector<std::string> names(const std::string& key) const {
    std::vector<std::string> found;
    std::istringstream stream(text(key) + ",");
    for (std::string name; std::getline(stream, name, ',');) found.push_back(name);
    const std::set<std::string> distinct(found.begin(), found.end());
    if (found.size() < 2 || distinct.size() != found.size() || distinct.count("")) {
      fail(key, "two or more distinct names with commas between them expected");
    }
    return found;
  }

  /// First bins, ascending from 0, and `end` after them. Without the key each bin is a band.
  std::vector<int> edges(const std::string& key, int end) const {
    std::vector<int> found;
    if (!all_.count(key)) {
      for (int bin = 0; bin <= end; ++bin) found.push_back(bin);
      return found;
    }
    std::istringstream stream(text(key) + ",");
    stream.imbue(std::locale::classic());
    char comma = ',';
    for (int bin; stream >> bin >> comma && comma == ',';) found.push_back(bin);
    found.push_back(end);
    const bool whole = stream.eof() && comma == ',';
    if (!whole || found[0] != 0 ||
        std::adjacent_find(found.begin(), found.end(), std::greater_equal<>()) != found.end()) {
      fail(key, "ascending bins from 0 to below num_bins with commas between them expected");
    }
    return found;
  }

  [[noreturn]] void fail(const std::string& key, const std::string& why) const {
    throw ModelError("metadata " + kPrefix + key + " = \"" + text(key) + "\": " + why);
  }

 private:
  const std::map<std::string, std::string>& all_;
};

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

bool is_state(const std::string& name) {
  const std::string suffix = "_state";
  return name.size() > suffix.size() &&
         name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
}

}  // namespace

Model::Model(const std::string& path) : path_(path) {
  const std::vector<char> bytes = read_file(path);
  try {
    try {
      session_ = std::make_unique<ort::Session>(bytes.data(), bytes.size());
    } catch (const ort::GraphError& error) {
      throw ModelError(std::string("not a usable ONNX file: ") + error.what());
    }
    read_metadata();
    check_graph();
  } catch (const ModelError& error) {
    throw ModelError(path + ": " + error.what());
  }
}

void Model::read_metadata() {
  for (const auto& [key, value] : session_->metadata()) {
    if (key.rfind(kPrefix, 0) == 0) info_.metadata[key.substr(kPrefix.size())] = value;
  }
  const Entries entries(info_.metadata);
  entries.one_of("schema_version", "1");
  info_.name = entries.text("name");
  info_.task = entries.text("task");
  info_.stem_names = entries.names("stems");
  info_.bin_hz = entries.number<double>("bin_hz", 1.0, 1000.0);
  info_.num_bins = entries.number<int>("num_bins", 2, 65536);
  info_.band_edges = entries.edges("band_edges", info_.num_bins);
  info_.win_seconds = entries.number<double>("win_seconds", 0.001, 1.0);
  info_.hop_seconds = entries.number<double>("hop_seconds", 0.0001, 0.5);
  info_.window = entries.one_of("window", "hann_sqrt");
  info_.lookahead_frames = entries.number<int>("lookahead_frames", 0, 1000);
  info_.mask = entries.one_of("mask", "real");
  for (const char* key : {"license", "training_data", "training_run"}) entries.text(key);

  const double overlap = info_.win_seconds / info_.hop_seconds;
  if (overlap < 1.5 || std::abs(overlap - std::round(overlap)) > 1e-6) {
    entries.fail("hop_seconds", "win_seconds must be a whole number (2 or more) of hops");
  }
  if (std::abs(info_.bin_hz * info_.win_seconds - 1.0) > 1e-6) {
    entries.fail("bin_hz", "must be 1 / win_seconds");
  }
}

void Model::check_graph() {
  const std::int64_t any = -1;
  std::vector<ort::TensorInfo> inputs = session_->inputs();
  std::vector<ort::TensorInfo> outputs = session_->outputs();
  take(inputs, "input", "power", {1, any, info_.num_bands()});
  take(outputs, "output", "masks", {1, any, info_.num_stems(), info_.num_bands()});
  for (const ort::TensorInfo& input : inputs) {
    if (!is_state(input.name)) {
      throw ModelError("input `" + input.name + "` is neither `power` nor a `<x>_state`");
    }
    if (!input.is_float32) throw ModelError("input `" + input.name + "` must be a float32 tensor");
    if (std::any_of(input.shape.begin(), input.shape.end(), [](auto n) { return n < 1; })) {
      throw ModelError("input `" + input.name + "` must have a fixed shape, not " +
                       shape_text(input.shape));
    }
    take(outputs, "output", "next_" + input.name, input.shape);
    states_.push_back({input.name, "next_" + input.name, input.shape});
  }
  if (!outputs.empty()) {
    throw ModelError("output `" + outputs[0].name + "` is neither `masks` nor a state's next");
  }
}

int Model::latency_samples(double sample_rate) const {
  const StftSizes sizes = stft_sizes(sample_rate, info_.win_seconds, info_.hop_seconds);
  return sizes.win_length + info_.lookahead_frames * sizes.hop_length;
}

MaskEstimator::MaskEstimator(std::shared_ptr<const Model> model)
    : model_(std::move(model)),
      power_(model_->info().num_bins),
      masks_(static_cast<std::size_t>(model_->info().num_stems()) * model_->info().num_bins),
      band_power_({1, 1, model_->info().num_bands()}),
      band_masks_({1, 1, model_->info().num_stems(), model_->info().num_bands()}) {
  for (auto& states : states_) {
    for (const StateInfo& state : model_->states()) states.emplace_back(state.shape);
  }
  for (int from : {0, 1}) {
    bindings_[from].input("power", band_power_);
    bindings_[from].output("masks", band_masks_);
    for (std::size_t i = 0; i < model_->states().size(); ++i) {
      const StateInfo& state = model_->states()[i];
      bindings_[from].input(state.name.c_str(), states_[from][i]);
      bindings_[from].output(state.next_name.c_str(), states_[1 - from][i]);
    }
  }
  estimate();
  reset();
}

void MaskEstimator::estimate() {
  const ModelInfo& info = model_->info();
  const std::vector<int>& edges = info.band_edges;
  const int num_bands = info.num_bands();
  for (int band = 0; band < num_bands; ++band) {
    band_power_.data()[band] =
        std::accumulate(power_.begin() + edges[band], power_.begin() + edges[band + 1], 0.0f);
  }
  model_->session().run(bindings_[current_]);
  current_ = 1 - current_;
  const float* mask = band_masks_.data();
  float* bin = masks_.data();
  for (int stem = 0; stem < info.num_stems(); ++stem) {
    for (int band = 0; band < num_bands; ++band) {
      bin = std::fill_n(bin, edges[band + 1] - edges[band], *mask++);
    }
  }
}

void MaskEstimator::reset() {
  current_ = 0;
  std::fill(power_.begin(), power_.end(), 0.0f);
  std::fill(masks_.begin(), masks_.end(), 0.0f);
  for (auto& states : states_) {
    for (ort::Tensor& state : states) state.clear();
  }
}

}  // namespace unbraid
