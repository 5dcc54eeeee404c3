#pragma once

#include <complex>
#include <vector>

namespace unbraid {

using Complex = std::complex<float>;

/// No prime factor above 11: a length that RealFft is fast at, and takes.
bool is_fast_length(int n);

/// A real FFT of one even length n, over split real and imaginary parts so that four butterflies go
/// at once. Only the constructor allocates.
class RealFft {
 public:
  /// n even, n / 2 without a prime factor above 11; else std::invalid_argument.
  explicit RealFft(int n);

  /// samples[n] -> spectrum[n / 2 + 1]
  void forward(const float* samples, Complex* spectrum);
  /// spectrum[n / 2 + 1] -> samples[n], times n. As they must be for a real signal, the imaginary
  /// parts of the first and the last bin are taken for zero.
  void backward(const Complex* spectrum, float* samples);

 private:
  struct Split {
    std::vector<float> re, im;
  };
  struct Stage {
    int radix;
    int stride;                   // product of the radices of the stages before
    int span;                     // half / (stride * radix)
    std::vector<float> twiddles;  // [span][radix - 1], real and imaginary part
    std::vector<float> roots;     // [radix], real and imaginary part
  };

  template <int Radix>
  static void run_stage(const Stage& stage, const Split& in, Split& out);
  void transform();  // work_[0] -> work_[0]

  int half_;  // the complex length: even samples are real parts, odd samples imaginary parts
  std::vector<Stage> stages_;
  Split twiddles_;  // [half]: takes the spectra of even and odd samples apart
  Split work_[2];
};

}  // namespace unbraid
