#pragma once

#include <complex>
#include <vector>

namespace unbraid {

using Complex = std::complex<float>;

/// Where a complex signal lies, real and imaginary parts apart.
struct SplitComplex {
  float* re;
  float* im;
};

/// One of the passes of a complex FFT.
struct FftStage {
  int radix;
  int stride;                   // product of the radices of the stages before
  int span;                     // length / (stride * radix)
  std::vector<float> twiddles;  // [radix - 1][real, imaginary][span]
  std::vector<float> roots;     // [radix], real and imaginary part
  void (*run)(const FftStage& stage, SplitComplex in, SplitComplex out);
};

/// The passes of a real FFT, as they were compiled for one kind of processor.
struct FftKernels {
  /// samples[2 * length] as a complex signal of their pairs.
  void (*take_pairs)(const float* samples, int length, SplitComplex out);
  /// The opposite, with real and imaginary part exchanged.
  void (*give_pairs)(SplitComplex in, int length, float* samples);
  /// The spectrum[length + 1] of what take_pairs took from the transform of that. `twiddles`:
  /// exp(-pi i k / length), [real, imaginary][length].
  void (*join_spectrum)(SplitComplex in, int length, const float* twiddles, Complex* spectrum);
  /// The opposite, times two, with real and imaginary part exchanged: a backward transform is a
  /// forward one with these exchanged before and after.
  void (*take_spectrum_apart)(const Complex* spectrum, int length, const float* twiddles,
                              SplitComplex out);
  /// What runs a stage with these values.
  decltype(FftStage::run) (*stage)(int radix, int stride, int span);
};

/// Those that the processor can run, the fastest first.
std::vector<const FftKernels*> fft_kernels();

}  // namespace unbraid
