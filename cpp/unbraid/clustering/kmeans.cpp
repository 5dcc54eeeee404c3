#include "unbraid/clustering/kmeans.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <random>

namespace unbraid {
namespace {

constexpr int kRestarts = 4;
constexpr int kIterations = 20;
constexpr float kLeastLength = 1e-6f;
constexpr float kLeastDistance = 1e-6f;  // points that are all alike can still be drawn

float dot(const float* a, const float* b, int size) {
  return std::inner_product(a, a + size, b, 0.0f);
}

/// An index drawn with these probabilities. The generator's own distributions differ from one
/// standard library to the next.
std::size_t draw(const std::vector<double>& chances, std::mt19937& generator) {
  const double all = std::accumulate(chances.begin(), chances.end(), 0.0);
  double left = all * (static_cast<double>(generator()) + 0.5) / 4294967296.0;
  for (std::size_t i = 0; i + 1 < chances.size(); ++i) {
    left -= chances[i];
    if (left < 0.0) return i;
  }
  return chances.size() - 1;
}

std::vector<float> first_centres(const Points& points, int count, std::mt19937& generator) {
  std::vector<float> centres;
  std::vector<float> nearest(points.count(), -1.0f);  // the greatest cosine to a centre
  std::vector<double> chances(points.weights.begin(), points.weights.end());
  for (int k = 0; k < count; ++k) {
    const float* drawn = points.vectors.data() + draw(chances, generator) * points.size;
    const std::vector<float> centre(drawn, drawn + points.size);
    for (std::size_t i = 0; i < points.count(); ++i) {
      const float* point = points.vectors.data() + i * points.size;
      nearest[i] = std::max(nearest[i], dot(point, centre.data(), points.size));
      chances[i] = points.weights[i] * std::max(1.0f - nearest[i], kLeastDistance);
    }
    centres.insert(centres.end(), centre.begin(), centre.end());
  }
  return centres;
}

/// Each centre goes to the mean direction of the points that are nearest to it. How near all points
/// were before that, by weight.
double improve(const Points& points, int count, std::vector<float>& centres) {
  std::vector<double> sums(centres.size());
  double score = 0.0;
  for (std::size_t i = 0; i < points.count(); ++i) {
    const float* point = points.vectors.data() + i * points.size;
    int owner = 0;
    float best = dot(point, centres.data(), points.size);
    for (int k = 1; k < count; ++k) {
      const float cosine = dot(point, centres.data() + k * points.size, points.size);
      if (cosine > best) best = cosine, owner = k;
    }
    const float weight = points.weights[i];
    score += static_cast<double>(weight) * best;
    for (int j = 0; j < points.size; ++j) sums[owner * points.size + j] += weight * point[j];
  }
  for (int k = 0; k < count; ++k) {
    const double* sum = sums.data() + k * points.size;
    const double length = std::sqrt(std::inner_product(sum, sum + points.size, sum, 0.0));
    if (length <= 0.0) continue;  // of no points: it stays
    for (int j = 0; j < points.size; ++j) {
      centres[k * points.size + j] = static_cast<float>(sum[j] / length);
    }
  }
  return score;
}

}  // namespace

void Points::add(const float* vector, float weight) {
  const float length = std::max(std::sqrt(dot(vector, vector, size)), kLeastLength);
  std::transform(vector, vector + size, std::back_inserter(vectors),
                 [length](float value) { return value / length; });
  weights.push_back(weight);
}

std::vector<float> cluster(const Points& points, int count) {
  std::vector<float> best(static_cast<std::size_t>(count) * points.size);
  if (points.count() == 0) return best;
  std::mt19937 generator(0);  // NOLINT(*random-generator-seed): one signal, one result
  double best_score = 0.0;
  for (int restart = 0; restart < kRestarts; ++restart) {
    std::vector<float> centres = first_centres(points, count, generator);
    for (int i = 0; i < kIterations; ++i) improve(points, count, centres);
    std::vector<float> found = centres;
    const double score = improve(points, count, centres);
    if (restart == 0 || score > best_score) {
      best = std::move(found);
      best_score = score;
    }
  }
  return best;
}

void soft_masks(const float* vector, const float* centres, int count, int size, float sharpness,
                float* masks) {
  const float length = std::max(std::sqrt(dot(vector, vector, size)), kLeastLength);
  for (int k = 0; k < count; ++k) {
    masks[k] = sharpness * dot(vector, centres + k * size, size) / length;
  }
  const float most = *std::max_element(masks, masks + count);
  float sum = 0.0f;
  for (int k = 0; k < count; ++k) sum += masks[k] = std::exp(masks[k] - most);
  for (int k = 0; k < count; ++k) masks[k] /= sum;
}

}  // namespace unbraid
