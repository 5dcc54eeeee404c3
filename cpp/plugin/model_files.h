#pragma once

#include <string>
#include <vector>

namespace unbraid::plugin {

/// What a plug-in must know of a model before it loads it: parameters and latency are asked for by
/// hosts that only look a plug-in over, perhaps where no ONNX Runtime is installed.
struct ModelFile {
  std::string name;  // the file's, without .onnx
  std::string path;  // empty: no such file, only the promise of the usual one
  std::vector<std::string> stem_names;
  double win_seconds;
  double hop_seconds;
  int lookahead_frames;

  int latency_samples(double sample_rate) const;  // throws as stft_sizes does
};

/// The file that UNBRAID_PLUGIN_MODEL names; or else every model in the bundle, in the folders that
/// the bundle's unbraid.conf names, in the package this binary came with and in UNBRAID_MODELS; of
/// two with one name the later wins, as in Python. "dialogue" comes first, the others by name.
/// Files that are no models are left out. Never empty: without a file, the usual model is promised.
std::vector<ModelFile> find_models();

}  // namespace unbraid::plugin
