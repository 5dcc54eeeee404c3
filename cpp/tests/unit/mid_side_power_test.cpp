#include <doctest/doctest.h>

#include <algorithm>
#include <complex>
#include <random>
#include <vector>

#include "unbraid/dsp/mid_side_power.h"
#include "unbraid/dsp/middle_power.h"

using namespace unbraid;

namespace {

constexpr int kBins = 13, kStride = 17;
constexpr float kScale = 0.5f;

struct Heard {
  explicit Heard(const std::vector<Complex>& spectra)
      : channels(static_cast<int>(spectra.size()) / kStride),
        mean(kBins),
        mid(kBins, -1.0f),
        side(kBins, -1.0f) {
    mid_side_power(spectra.data(), channels, kStride, kBins, kScale, mean.data(), mid.data(),
                   side.data());
  }

  int channels;
  std::vector<Complex> mean;
  std::vector<float> mid, side;
};

std::vector<Complex> noise(int channels) {
  std::mt19937 random(channels);
  std::normal_distribution<float> normal;
  std::vector<Complex> spectra(channels * kStride);
  for (Complex& bin : spectra) bin = {normal(random), normal(random)};
  return spectra;
}

}  // namespace

TEST_CASE("mid and side are the powers of the mean and of what each channel has beside it") {
  for (int channels = 1; channels <= 8; ++channels) {
    CAPTURE(channels);
    const std::vector<Complex> spectra = noise(channels);
    const Heard heard(spectra);
    for (int bin = 0; bin < kBins; ++bin) {
      std::complex<double> mean;
      for (int i = 0; i < channels; ++i) mean += std::complex<double>(spectra[i * kStride + bin]);
      mean /= channels;
      double side = 0.0;
      for (int i = 0; i < channels; ++i) {
        side += std::norm(std::complex<double>(spectra[i * kStride + bin]) - mean) / channels;
      }
      CHECK(heard.mid[bin] == doctest::Approx(kScale * std::norm(mean)).epsilon(1e-5));
      CHECK(heard.side[bin] == doctest::Approx(kScale * side).epsilon(1e-5));
    }
  }
}

TEST_CASE("the same in all channels has no side, and one that turns over in half of them no mid") {
  const std::vector<Complex> one = noise(1);
  for (const int channels : {1, 2, 4, 8}) {
    CAPTURE(channels);
    std::vector<Complex> same, turned;
    for (int i = 0; i < channels; ++i) {
      for (const Complex& bin : one) {
        same.push_back(bin);
        turned.push_back(i % 2 ? -bin : bin);
      }
    }
    const Heard alike(same), opposite(turned);
    for (int bin = 0; bin < kBins; ++bin) {
      CHECK(alike.side[bin] <= 1e-12f * alike.mid[bin]);  // sums round
      if (channels <= 2) CHECK(alike.side[bin] == 0.0f);
      if (channels == 1) continue;
      CHECK(opposite.mid[bin] == 0.0f);
      CHECK(opposite.side[bin] == doctest::Approx(alike.mid[bin]).epsilon(1e-5));
    }
  }
}

TEST_CASE("together they make the power of the middle that others hear") {
  for (int channels = 1; channels <= 8; ++channels) {
    CAPTURE(channels);
    std::vector<Complex> spectra = noise(channels);
    for (int bin = 0; bin < kBins; bin += 2) {  // some cancel
      for (int i = 0; i + 1 < channels; i += 2) {
        spectra[(i + 1) * kStride + bin] = -spectra[i * kStride + bin];
      }
    }
    const Heard heard(spectra);
    std::vector<Complex> scratch(kBins);
    std::vector<float> expected(kBins), power(kBins);
    middle_power(spectra.data(), channels, kStride, kBins, kScale, scratch.data(), expected.data());
    middle_power(heard.mid.data(), heard.side.data(), kBins, power.data());
    for (int bin = 0; bin < kBins; ++bin) {
      CHECK(power[bin] == doctest::Approx(expected[bin]).epsilon(1e-5));
    }
  }
}
