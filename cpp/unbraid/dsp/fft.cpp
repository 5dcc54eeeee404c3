#include "unbraid/dsp/fft.h"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

namespace unbraid {
namespace {

constexpr double kTwoPi = 6.28318530717958647692;

}  // namespace

bool is_fast_length(int n) {
  for (const int factor : {2, 3, 5, 7, 11}) {
    while (n > 0 && n % factor == 0) n /= factor;
  }
  return n == 1;
}

RealFft::RealFft(int n, const FftKernels& kernels) : half_(n / 2), kernels_(kernels) {
  if (n % 2 != 0 || !is_fast_length(half_)) {
    throw std::invalid_argument(
        "an FFT's length must be even, with no prime factor above 11, got " + std::to_string(n));
  }
  const auto cosine = [](double turns) { return static_cast<float>(std::cos(kTwoPi * turns)); };
  const auto minus_sine = [](double turns) {
    return static_cast<float>(-std::sin(kTwoPi * turns));
  };
  int stride = 1;
  for (const int radix : {4, 2, 3, 5, 7, 11}) {  // fours first: strides soon fill the lanes
    for (; half_ / stride % radix == 0; stride *= radix) {
      const int span = half_ / (stride * radix);
      FftStage stage{radix, stride, span, {}, {}, kernels_.stage(radix, stride, span)};
      for (int k = 1; k < radix; ++k) {
        const auto turns = [&](int j) { return static_cast<double>(j) * k / (span * radix); };
        for (int j = 0; j < span; ++j) stage.twiddles.push_back(cosine(turns(j)));
        for (int j = 0; j < span; ++j) stage.twiddles.push_back(minus_sine(turns(j)));
      }
      for (int k = 0; k < radix; ++k) {
        stage.roots.push_back(cosine(static_cast<double>(k) / radix));
        stage.roots.push_back(minus_sine(static_cast<double>(k) / radix));
      }
      stages_.push_back(std::move(stage));
    }
  }
  for (int k = 0; k < half_; ++k) twiddles_.push_back(cosine(static_cast<double>(k) / n));
  for (int k = 0; k < half_; ++k) twiddles_.push_back(minus_sine(static_cast<double>(k) / n));
  work_.resize(static_cast<std::size_t>(4) * half_);
}

SplitComplex RealFft::work(int which) {
  float* first = work_.data() + static_cast<std::ptrdiff_t>(2 * which) * half_;
  return {first, first + half_};
}

SplitComplex RealFft::transform() {
  SplitComplex from = work(0), to = work(1);
  for (const FftStage& stage : stages_) {
    stage.run(stage, from, to);
    std::swap(from, to);
  }
  return from;
}

void RealFft::forward(const float* samples, Complex* spectrum) {
  kernels_.take_pairs(samples, half_, work(0));
  kernels_.join_spectrum(transform(), half_, twiddles_.data(), spectrum);
}

void RealFft::backward(const Complex* spectrum, float* samples) {
  kernels_.take_spectrum_apart(spectrum, half_, twiddles_.data(), work(0));
  kernels_.give_pairs(transform(), half_, samples);
}

}  // namespace unbraid
