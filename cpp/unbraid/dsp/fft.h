#pragma once

#include <vector>

#include "unbraid/dsp/fft_kernels.h"

namespace unbraid {

/// No prime factor above 11: a length that RealFft is fast at, and takes.
bool is_fast_length(int n);

/// A real FFT of one even length n, over split real and imaginary parts so that several butterflies
/// go at once; how many, and with which instructions, is up to the processor that it runs on. Only
/// the constructor allocates.
class RealFft {
 public:
  /// n even, n / 2 without a prime factor above 11; else std::invalid_argument.
  explicit RealFft(int n, const FftKernels& kernels = *fft_kernels().front());

  /// samples[n] -> spectrum[n / 2 + 1]
  void forward(const float* samples, Complex* spectrum);
  /// spectrum[n / 2 + 1] -> samples[n], times n. As they must be for a real signal, the imaginary
  /// parts of the first and the last bin are taken for zero.
  void backward(const Complex* spectrum, float* samples);

 private:
  SplitComplex work(int which);
  SplitComplex transform();  // work(0) -> one of both

  int half_;  // the complex length: even samples are real parts, odd samples imaginary parts
  const FftKernels& kernels_;
  std::vector<FftStage> stages_;
  std::vector<float> twiddles_;  // [real, imaginary][half]: takes even and odd samples apart
  std::vector<float> work_;      // two of [real, imaginary][half]
};

}  // namespace unbraid
