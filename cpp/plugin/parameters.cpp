#include "plugin/parameters.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace unbraid::plugin {
namespace {

constexpr const char* kMute = "-inf";
constexpr int kLowestFiniteStep = 1;
constexpr std::string_view kStateHead = "unbraid-state ";
constexpr std::string_view kStateVersion = "1";

// FNV-1a; the top bit stays clear, as VST3 asks.
std::uint32_t id_of(const std::string& key) {
  std::uint32_t hash = 2166136261u;
  for (const unsigned char c : key) hash = (hash ^ c) * 16777619u;
  return hash & 0x7fffffffu;
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] += 'A' - 'a';
  return text;
}

Parameter make(Kind kind, const std::string& key, std::vector<std::string> choices) {
  const int steps = static_cast<int>(choices.size()) - 1;
  return {kind, id_of(key), key, capitalised(key), "", steps, 0, std::move(choices)};
}

// Neither printf nor strtod: a host may have set a decimal comma.
std::string tenths_text(int tenths) {
  const int size = std::abs(tenths);
  return (tenths < 0 ? "-" : "") + std::to_string(size / 10) + "." + std::to_string(size % 10);
}

bool parse_number(std::string_view text, double& number) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  double value = 0.0, scale = 0.0;
  bool any = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      any = true;
      value = scale == 0.0 ? 10.0 * value + (c - '0') : value + scale * (c - '0');
      scale /= 10.0;
    } else if ((c == '.' || c == ',') && scale == 0.0) {
      scale = 0.1;
    } else {
      return false;
    }
  }
  number = negative ? -value : value;
  return any;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

float linear_gain(int step) {
  if (step <= kLowestFiniteStep) return 0.0f;
  return static_cast<float>(std::pow(10.0, (step - kUnityStep) / 200.0));
}

std::string Parameter::text(int step) const {
  step = clamp(step);
  if (kind != Kind::kFader) return choices[step];
  return step == 0 ? kMute : tenths_text(step - kUnityStep);
}

int Parameter::parse(std::string_view text) const {
  text = trimmed(text);
  if (kind != Kind::kFader) {
    const auto found = std::find(choices.begin(), choices.end(), text);
    return found == choices.end() ? -1 : static_cast<int>(found - choices.begin());
  }
  if (text.size() > 2 && (text.substr(text.size() - 2) == "dB")) {
    text = trimmed(text.substr(0, text.size() - 2));
  }
  if (text == "mute" || text == kMute) return 0;
  double db = 0.0;
  return parse_number(text, db) ? step_of(db) : -1;
}

double Parameter::value_of(int step) const {
  if (kind != Kind::kFader) return step;
  return std::max(kFaderBottomDb, (step - kUnityStep) / 10.0);
}

int Parameter::step_of(double value) const {
  if (kind != Kind::kFader) return clamp(value);
  return value <= kFaderBottomDb ? 0 : clamp(std::round(10.0 * value) + kUnityStep);
}

int Parameter::clamp(double step) const {
  if (!(step > 0.0)) return 0;  // NaN too
  return static_cast<int>(std::lround(std::min(step, static_cast<double>(steps))));
}

Parameters::Parameters(const std::vector<std::string>& stem_names,
                       const std::vector<std::string>& model_names)
    : num_stems_(static_cast<int>(stem_names.size())) {
  for (const std::string& stem : stem_names) {
    const std::string key = stem + "_db";
    all_.push_back(
        {Kind::kFader, id_of(key), key, capitalised(stem), "dB", kFaderSteps, kUnityStep, {}});
  }
  all_.push_back(make(Kind::kBypass, "bypass", {"Off", "On"}));
  std::vector<std::string> solos{"none"};
  solos.insert(solos.end(), stem_names.begin(), stem_names.end());
  all_.push_back(make(Kind::kSolo, "solo", std::move(solos)));
  if (model_names.size() > 1) {
    model_ = size();
    all_.push_back(make(Kind::kModel, "model", model_names));
  }
  all_.push_back(make(Kind::kStatus, "status",
                      {"ready", "passing through: no model", "passing through: no ONNX Runtime",
                       "passing through: the model failed", "passing through: only 8 to 192 kHz"}));
}

int Parameters::index_of(std::uint32_t id) const {
  for (int index = 0; index < size(); ++index) {
    if (all_[index].id == id) return index;
  }
  return -1;
}

int Parameters::index_of_key(std::string_view key) const {
  for (int index = 0; index < size(); ++index) {
    if (all_[index].key == key) return index;
  }
  return -1;
}

Values::Values(const Parameters& parameters)
    : size_(parameters.size()), steps_(new std::atomic<int>[parameters.size()]) {
  for (int index = 0; index < size_; ++index) set(index, parameters[index].initial);
}

void Values::copy_from(const Values& other) {
  for (int index = 0; index < size_; ++index) set(index, other[index]);
}

std::string Values::save(const Parameters& parameters) const {
  std::string state = std::string(kStateHead) + std::string(kStateVersion) + "\n";
  for (int index = 0; index < size_; ++index) {
    if (index == parameters.status()) continue;
    state += parameters[index].key + "=" + parameters[index].text((*this)[index]) + "\n";
  }
  return state;
}

bool Values::restore(const Parameters& parameters, std::string_view state) {
  const auto take_line = [&state] {
    const std::string_view line = state.substr(0, state.find('\n'));
    state.remove_prefix(std::min(state.size(), line.size() + 1));
    return line;
  };
  if (take_line() != std::string(kStateHead) + std::string(kStateVersion)) return false;
  std::vector<int> steps(size_);
  for (int index = 0; index < size_; ++index) steps[index] = parameters[index].initial;
  while (!state.empty()) {
    const std::string_view line = take_line();
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const int index = parameters.index_of_key(line.substr(0, equals));
    if (index < 0) continue;
    const int step = parameters[index].parse(line.substr(equals + 1));
    if (step >= 0) steps[index] = step;
  }
  for (int index = 0; index < size_; ++index) {
    if (index != parameters.status()) set(index, steps[index]);
  }
  return true;
}

}  // namespace unbraid::plugin
