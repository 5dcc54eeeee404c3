#pragma once

#include <cstddef>
#include <vector>

namespace unbraid {

/// Vectors of unit length, each with what it counts.
struct Points {
  int size = 0;                // values of a vector
  std::vector<float> vectors;  // [points][size]
  std::vector<float> weights;  // [points], above zero

  std::size_t count() const { return weights.size(); }
  /// One more, of any length: its direction counts. One of next to no length keeps its own.
  void add(const float* vector, float weight);
};

/// Spherical k-means (Dhillon and Modha, 2001), with k-means++ to begin with (Arthur and
/// Vassilvitskii, 2007), of some restarts the best: centres[count][size] of unit length. The same
/// points give the same centres. Of fewer points than `count` some centres are alike; of none, all
/// are zero.
std::vector<float> cluster(const Points& points, int count);

/// The softmax, over centres[count][size], of `sharpness` times the cosine between each and a
/// vector[size] of any length -> masks[count], which sum to one.
void soft_masks(const float* vector, const float* centres, int count, int size, float sharpness,
                float* masks);

}  // namespace unbraid
