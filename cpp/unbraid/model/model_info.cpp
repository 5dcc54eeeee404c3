#include "unbraid/model/model_info.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <locale>
#include <set>
#include <sstream>

#include "unbraid/dsp/stft.h"

namespace unbraid {
namespace {

const std::string kPrefix = "unbraid.";

/// Reads the metadata entries one by one; every failure names the key.
class Entries {
 public:
  explicit Entries(const Metadata& all) : all_(all) {}

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
    for (int bin = 0; stream >> bin >> comma && comma == ',';) found.push_back(bin);
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
  const Metadata& all_;
};

}  // namespace

ModelInfo parse_model_info(const Metadata& all) {
  ModelInfo info;
  for (const auto& [key, value] : all) {
    if (key.rfind(kPrefix, 0) == 0) info.metadata[key.substr(kPrefix.size())] = value;
  }
  const Entries entries(info.metadata);
  entries.one_of("schema_version", "1");
  info.name = entries.text("name");
  info.task = entries.text("task");
  info.stem_names = entries.names("stems");
  info.bin_hz = entries.number<double>("bin_hz", 1.0, 1000.0);
  info.num_bins = entries.number<int>("num_bins", 2, 65536);
  info.band_edges = entries.edges("band_edges", info.num_bins);
  info.win_seconds = entries.number<double>("win_seconds", 0.001, 1.0);
  info.hop_seconds = entries.number<double>("hop_seconds", 0.0001, 0.5);
  info.window = entries.one_of("window", "hann_sqrt");
  info.lookahead_frames = entries.number<int>("lookahead_frames", 0, 1000);
  info.mask = entries.one_of("mask", "real");
  for (const char* key : {"license", "training_data", "training_run"}) entries.text(key);

  const double overlap = info.win_seconds / info.hop_seconds;
  if (overlap < 1.5 || std::abs(overlap - std::round(overlap)) > 1e-6) {
    entries.fail("hop_seconds", "win_seconds must be a whole number (2 or more) of hops");
  }
  if (std::abs(info.bin_hz * info.win_seconds - 1.0) > 1e-6) {
    entries.fail("bin_hz", "must be 1 / win_seconds");
  }
  return info;
}

int ModelInfo::latency_samples(double sample_rate) const {
  const StftSizes sizes = stft_sizes(sample_rate, win_seconds, hop_seconds);
  return sizes.win_length + lookahead_frames * sizes.hop_length;
}

}  // namespace unbraid
