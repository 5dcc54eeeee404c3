#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <random>
#include <vector>

#include "unbraid/dsp/fft.h"

using namespace unbraid;

namespace {

constexpr double kTwoPi = 6.28318530717958647692;

std::complex<double> bin_of(const std::vector<float>& samples, std::size_t bin) {
  std::complex<double> sum;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto turns = static_cast<double>(i * bin % samples.size()) / samples.size();
    sum += static_cast<double>(samples[i]) * std::polar(1.0, -kTwoPi * turns);
  }
  return sum;
}

}  // namespace

TEST_CASE("an FFT is right on every kind of processor that this one can stand in for") {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const FftKernels* kernels : fft_kernels()) {
    for (int n = 2; n <= 1536; n += 2) {
      if (!is_fast_length(n / 2)) continue;
      CAPTURE(n);
      RealFft fft(n, *kernels);
      std::vector<float> samples(n), again(n);
      for (float& sample : samples) sample = normal(random);
      std::vector<Complex> spectrum(n / 2 + 1);
      fft.forward(samples.data(), spectrum.data());
      double error = 0.0;
      for (std::size_t bin = 0; bin < spectrum.size(); bin += 1 + spectrum.size() / 50) {
        error =
            std::max(error, std::abs(bin_of(samples, bin) - std::complex<double>(spectrum[bin])));
      }
      CHECK(error < 2e-6 * std::sqrt(n));
      fft.backward(spectrum.data(), again.data());
      for (int i = 0; i < n; ++i)
        error = std::max<double>(error, std::abs(again[i] / n - samples[i]));
      CHECK(error < 2e-6 * std::sqrt(n));
    }
  }
}
