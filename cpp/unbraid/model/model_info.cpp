#include "unbraid/model/model_info.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "unbraid/model/text.h"

namespace unbraid {
namespace {

const std::string kPrefix = "unbraid.";
constexpr std::size_t kMaxStemName = 32;

bool is_stem_name(const std::string& name) {
  const bool known = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return known && !name.empty() && name.size() <= kMaxStemName;
}

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

  std::string one_of(const std::string& key, const std::vector<std::string>& known) const {
    const std::string& value = text(key);
    if (std::find(known.begin(), known.end(), value) != known.end()) return value;
    std::string all;
    for (const std::string& each : known) all += (all.empty() ? "\"" : " and \"") + each + "\"";
    fail(key, "this version supports only " + all);
  }

  template <typename Number>
  Number number(const std::string& key, Number low, Number high) const {
    Number value{};
    if (!parse(text(key), value)) fail(key, "not a number");
    if (!(value >= low && value <= high)) fail(key, "out of range");
    return value;
  }

  /// Names become options, parameters and files: nothing that has a meaning there may be in one.
  std::vector<std::string> names(const std::string& key, std::size_t least) const {
    const std::vector<std::string> found = split(text(key), ',');
    if (!std::all_of(found.begin(), found.end(), is_stem_name)) {
      fail(key, "a name is 1 to " + std::to_string(kMaxStemName) + " of a-z, 0-9, _ and -");
    }
    const std::set<std::string> distinct(found.begin(), found.end());
    if (found.size() < least || found.size() > kMaxStems || distinct.size() != found.size()) {
      fail(key, std::to_string(least) + " to " + std::to_string(kMaxStems) +
                    " distinct names with commas between them expected");
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
    bool whole = true;
    for (const std::string& bin : split(text(key), ',')) {
      whole = whole && parse(bin, found.emplace_back());
    }
    found.push_back(end);
    if (!whole || found[0] != 0 ||
        std::adjacent_find(found.begin(), found.end(), std::greater_equal<>()) != found.end()) {
      fail(key, "ascending bins from 0 to below num_bins with commas between them expected");
    }
    return found;
  }

  /// What the graph hears; without the key the middle.
  std::vector<std::string> channels(const std::string& key) const {
    return split(all_.count(key) ? one_of(key, {kMid, kMidAndSide}) : kMid, ',');
  }

  [[noreturn]] void fail(const std::string& key, const std::string& why) const {
    throw ModelError("metadata " + kPrefix + key + " = \"" + printable(text(key), 80) +
                     "\": " + why);
  }

 private:
  const Metadata& all_;
};

/// What the lengths of windows and hops must be to each other.
void check_times(const Entries& entries, Problems& problems, const ModelInfo& info) {
  const double overlap = info.win_seconds / info.hop_seconds;
  const bool whole = problems.pass([&] {
    if (overlap < 1.5 || overlap > kMaxOverlap + 0.5 ||
        std::abs(overlap - std::round(overlap)) > 1e-6) {
      entries.fail("hop_seconds", "win_seconds must be a whole number of hops, 2 to " +
                                      std::to_string(kMaxOverlap));
    }
  });
  if (!whole) return;
  problems.pass([&] {
    try {
      info.latency_samples(kMinSampleRate);  // and so at any higher rate
    } catch (const std::invalid_argument&) {
      entries.fail("hop_seconds", "no length of an FFT divides into such hops");
    }
  });
}

void parse_embedding(const Entries& entries, Problems& problems, ModelInfo& info) {
  problems.pass([&] { info.embedding = entries.number<int>("embedding", 1, kMaxEmbedding); });
  problems.pass([&] {
    info.sharpness = static_cast<float>(entries.number<double>("sharpness", 0.01, 1000.0));
  });
  problems.pass([&] {
    if (info.lookahead_frames != 0) entries.fail("lookahead_frames", "0 expected with embeddings");
  });
  problems.pass([&] {
    if (info.num_planes() > 1) {
      entries.fail("channels", std::string("\"") + kMid + "\" expected with embeddings");
    }
  });
  problems.pass([&] {
    if (info.stem_names.size() > kMaxClusters) {
      entries.fail("stems", std::to_string(kMaxClusters) + " at most with embeddings");
    }
  });
  if (!info.metadata.count("more_stems")) return;
  problems.pass([&] {
    info.more_stem_names = entries.names("more_stems", 1);
    std::set<std::string> all(info.stem_names.begin(), info.stem_names.end());
    all.insert(info.more_stem_names.begin(), info.more_stem_names.end());
    if (static_cast<int>(all.size()) != info.max_stems() || all.size() > kMaxClusters) {
      entries.fail("more_stems", "names that are not in stems expected, " +
                                     std::to_string(kMaxClusters) + " at most with those");
    }
  });
}

}  // namespace

void ModelInfo::check_streams() const {
  if (streams()) return;
  throw ModelError("the model '" + printable(name, 80) +
                   "' separates whole signals, not streams: use unbraid.separate, "
                   "unbraid.separate_file or `unbraid separate`");
}

ModelInfo parse_model_info(const Metadata& all, Problems& problems) {
  ModelInfo info;
  for (const auto& [key, value] : all) {
    if (key.rfind(kPrefix, 0) != 0) continue;
    if (is_utf8(key) && is_utf8(value)) {
      info.metadata[key.substr(kPrefix.size())] = value;
    } else {
      problems.add("metadata " + key + " is no UTF-8 text");
    }
  }
  const Entries entries(info.metadata);
  const auto read = [&problems](auto entry) { return problems.pass(entry); };
  read([&] { entries.one_of("schema_version", {"1"}); });
  read([&] { info.name = entries.text("name"); });
  read([&] { info.task = entries.text("task"); });
  read([&] { info.stem_names = entries.names("stems", 2); });
  const bool spaced = read([&] { info.bin_hz = entries.number<double>("bin_hz", 1.0, 1000.0); });
  if (read([&] { info.num_bins = entries.number<int>("num_bins", 2, 65536); })) {
    read([&] { info.band_edges = entries.edges("band_edges", info.num_bins); });
  }
  const bool framed =
      read([&] { info.win_seconds = entries.number<double>("win_seconds", 0.001, 1.0); });
  const bool timed =
      read([&] { info.hop_seconds = entries.number<double>("hop_seconds", 0.0001, 0.5); }) &&
      framed;
  read([&] { info.window = entries.one_of("window", {"hann_sqrt"}); });
  read([&] { info.lookahead_frames = entries.number<int>("lookahead_frames", 0, 1000); });
  read([&] { info.channels = entries.channels("channels"); });
  read([&] { info.mask = entries.one_of("mask", {kRealMask, kEmbeddingMask}); });
  if (info.mask == kEmbeddingMask) parse_embedding(entries, problems, info);
  for (const char* key : {"license", "training_data", "training_run"}) {
    read([&] { entries.text(key); });
  }
  if (timed) check_times(entries, problems, info);
  read([&] {
    if (spaced && framed && std::abs(info.bin_hz * info.win_seconds - 1.0) > 1e-6) {
      entries.fail("bin_hz", "must be 1 / win_seconds");
    }
  });
  read([&] {
    if (info.win_seconds + info.lookahead_frames * info.hop_seconds > kMaxLatencySeconds) {
      entries.fail(
          "lookahead_frames",
          "a latency above " + std::to_string(static_cast<int>(kMaxLatencySeconds)) + " s");
    }
  });
  return info;
}

ModelInfo parse_model_info(const Metadata& all) {
  Problems problems(Problems::Mode::kThrow);
  return parse_model_info(all, problems);
}

std::vector<std::int64_t> ModelInfo::power_shape(int frames) const {
  if (num_planes() == 1) return {1, frames, num_bands()};
  return {1, frames, num_planes(), num_bands()};
}

std::vector<std::int64_t> ModelInfo::masks_shape(int frames) const {
  std::vector<std::int64_t> shape = power_shape(frames);
  shape.insert(shape.end() - 1, num_stems());
  return shape;
}

std::size_t ModelInfo::power_size() const {
  return static_cast<std::size_t>(num_planes()) * num_bands();
}

std::size_t ModelInfo::masks_size() const { return num_stems() * power_size(); }

void ModelInfo::sum_bands(const float* bins, float* bands) const {
  for (int band = 0; band < num_bands(); ++band) {
    bands[band] = std::accumulate(bins + band_edges[band], bins + band_edges[band + 1], 0.0f);
  }
}

void ModelInfo::spread_mask(const float* band_mask, float* mask) const {
  for (int band = 0; band < num_bands(); ++band) {
    mask = std::fill_n(mask, band_edges[band + 1] - band_edges[band], band_mask[band]);
  }
}

Stft ModelInfo::make_stft(double sample_rate) const {
  const StftSizes sizes = stft_sizes(sample_rate, win_seconds, hop_seconds);
  return Stft(sizes.win_length, sizes.hop_length);
}

int ModelInfo::latency_samples(double sample_rate) const {
  const StftSizes sizes = stft_sizes(sample_rate, win_seconds, hop_seconds);
  return sizes.win_length + lookahead_frames * sizes.hop_length;
}

}  // namespace unbraid
