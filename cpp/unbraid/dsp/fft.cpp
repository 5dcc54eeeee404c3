#include "unbraid/dsp/fft.h"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace unbraid {
namespace {

constexpr double kTwoPi = 6.28318530717958647692;

#if defined(__GNUC__)  // and Clang: four floats with the usual operators, on any processor
using Lanes = float __attribute__((vector_size(16)));
#else
using Lanes = float;
#endif

template <typename V>
V load(const float* from) {
  V value;
  std::memcpy(&value, from, sizeof(V));
  return value;
}

template <typename V>
void store(float* to, V value) {
  std::memcpy(to, &value, sizeof(V));
}

/// The DFT of Radix values in place. `roots` has exp(-2 pi i k / Radix).
template <int Radix, typename V>
void butterfly(V (&re)[Radix], V (&im)[Radix], const float* roots) {
  if constexpr (Radix == 2) {
    const V re1 = re[1], im1 = im[1];
    re[1] = re[0] - re1, im[1] = im[0] - im1;
    re[0] = re[0] + re1, im[0] = im[0] + im1;
  } else if constexpr (Radix == 4) {
    const V re02 = re[0] + re[2], im02 = im[0] + im[2];
    const V re20 = re[0] - re[2], im20 = im[0] - im[2];
    const V re13 = re[1] + re[3], im13 = im[1] + im[3];
    const V re31 = re[1] - re[3], im31 = im[1] - im[3];
    re[0] = re02 + re13, im[0] = im02 + im13;
    re[1] = re20 + im31, im[1] = im20 - re31;
    re[2] = re02 - re13, im[2] = im02 - im13;
    re[3] = re20 - im31, im[3] = im20 + re31;
  } else {  // odd: values r and Radix - r share their cosines and, but for the sign, their sines
    constexpr int kPairs = Radix / 2;
    V re_sum[kPairs], im_sum[kPairs], re_difference[kPairs], im_difference[kPairs];
    const V re0 = re[0], im0 = im[0];
    for (int r = 1; r <= kPairs; ++r) {
      re_sum[r - 1] = re[r] + re[Radix - r], re_difference[r - 1] = re[r] - re[Radix - r];
      im_sum[r - 1] = im[r] + im[Radix - r], im_difference[r - 1] = im[r] - im[Radix - r];
      re[0] = re[0] + re_sum[r - 1], im[0] = im[0] + im_sum[r - 1];
    }
    for (int k = 1; k <= kPairs; ++k) {
      V re_even = re0, im_even = im0;
      V re_odd = re0 - re0, im_odd = im0 - im0;
      for (int r = 1; r <= kPairs; ++r) {
        const float cosine = roots[2 * (r * k % Radix)], sine = roots[2 * (r * k % Radix) + 1];
        re_even = re_even + cosine * re_sum[r - 1], im_even = im_even + cosine * im_sum[r - 1];
        re_odd = re_odd - sine * im_difference[r - 1];
        im_odd = im_odd + sine * re_difference[r - 1];
      }
      re[k] = re_even + re_odd, im[k] = im_even + im_odd;
      re[Radix - k] = re_even - re_odd, im[Radix - k] = im_even - im_odd;
    }
  }
}

/// The butterflies of one group: `stride` of them lie side by side and share their twiddles.
/// Inputs lie `in_step` apart, outputs `stride`.
template <int Radix, typename V>
void run_group(int stride, int in_step, const float* twiddles, const float* roots,
               const float* in_re, const float* in_im, float* out_re, float* out_im) {
  constexpr int kLanes = sizeof(V) / sizeof(float);
  for (int q = 0; q < stride; q += kLanes) {
    V re[Radix], im[Radix];
    for (int r = 0; r < Radix; ++r) {
      re[r] = load<V>(in_re + q + r * in_step);
      im[r] = load<V>(in_im + q + r * in_step);
    }
    butterfly<Radix>(re, im, roots);
    store(out_re + q, re[0]);
    store(out_im + q, im[0]);
    for (int k = 1; k < Radix; ++k) {
      const float cosine = twiddles[2 * k - 2], sine = twiddles[2 * k - 1];
      store<V>(out_re + q + k * stride, cosine * re[k] - sine * im[k]);
      store<V>(out_im + q + k * stride, cosine * im[k] + sine * re[k]);
    }
  }
}

}  // namespace

bool is_fast_length(int n) {
  for (const int factor : {2, 3, 5, 7, 11}) {
    while (n > 0 && n % factor == 0) n /= factor;
  }
  return n == 1;
}

RealFft::RealFft(int n) : half_(n / 2) {
  if (n % 2 != 0 || !is_fast_length(half_)) {
    throw std::invalid_argument(
        "an FFT's length must be even, with no prime factor above 11, got " + std::to_string(n));
  }
  const auto append_root = [](std::vector<float>& roots, double turns) {
    roots.push_back(static_cast<float>(std::cos(kTwoPi * turns)));
    roots.push_back(static_cast<float>(-std::sin(kTwoPi * turns)));
  };
  int stride = 1;
  for (const int radix : {4, 2, 3, 5, 7, 11}) {  // fours first: strides soon fill the lanes
    for (; half_ / stride % radix == 0; stride *= radix) {
      Stage stage{radix, stride, half_ / (stride * radix), {}, {}};
      for (int j = 0; j < stage.span; ++j) {
        for (int k = 1; k < radix; ++k) {
          append_root(stage.twiddles, static_cast<double>(j) * k / (stage.span * radix));
        }
      }
      for (int k = 0; k < radix; ++k) append_root(stage.roots, static_cast<double>(k) / radix);
      stages_.push_back(std::move(stage));
    }
  }
  for (int k = 0; k < half_; ++k) {
    twiddles_.re.push_back(static_cast<float>(std::cos(kTwoPi * k / n)));
    twiddles_.im.push_back(static_cast<float>(-std::sin(kTwoPi * k / n)));
  }
  for (Split& work : work_) work.re.resize(half_), work.im.resize(half_);
}

// Stockham's order of the stages: results come out sorted, without a pass of reversed bits.
template <int Radix>
void RealFft::run_stage(const Stage& stage, const Split& in, Split& out) {
  const int stride = stage.stride;
  const int in_step = stride * stage.span;
  const bool whole_lanes = stride % (sizeof(Lanes) / sizeof(float)) == 0;
  const auto run = whole_lanes ? run_group<Radix, Lanes> : run_group<Radix, float>;
  for (int j = 0; j < stage.span; ++j) {
    const int from = stride * j, to = stride * j * Radix;
    run(stride, in_step, stage.twiddles.data() + 2 * (Radix - 1) * j, stage.roots.data(),
        in.re.data() + from, in.im.data() + from, out.re.data() + to, out.im.data() + to);
  }
}

void RealFft::transform() {
  for (const Stage& stage : stages_) {
    switch (stage.radix) {
      case 2:
        run_stage<2>(stage, work_[0], work_[1]);
        break;
      case 3:
        run_stage<3>(stage, work_[0], work_[1]);
        break;
      case 4:
        run_stage<4>(stage, work_[0], work_[1]);
        break;
      case 5:
        run_stage<5>(stage, work_[0], work_[1]);
        break;
      case 7:
        run_stage<7>(stage, work_[0], work_[1]);
        break;
      case 11:
        run_stage<11>(stage, work_[0], work_[1]);
        break;
      default:  // the constructor knows no other
        break;
    }
    std::swap(work_[0], work_[1]);
  }
}

void RealFft::forward(const float* samples, Complex* spectrum) {
  Split& work = work_[0];
  for (int i = 0; i < half_; ++i) {
    work.re[i] = samples[2 * i];
    work.im[i] = samples[2 * i + 1];
  }
  transform();
  spectrum[0] = work.re[0] + work.im[0];
  spectrum[half_] = work.re[0] - work.im[0];
  for (int k = 1; k < half_; ++k) {
    const float re_mirrored = work.re[half_ - k], im_mirrored = -work.im[half_ - k];
    const float re_odd = work.im[k] - im_mirrored, im_odd = re_mirrored - work.re[k];
    const float cosine = twiddles_.re[k], sine = twiddles_.im[k];
    spectrum[k] = Complex(0.5f * (work.re[k] + re_mirrored + cosine * re_odd - sine * im_odd),
                          0.5f * (work.im[k] + im_mirrored + cosine * im_odd + sine * re_odd));
  }
}

// A backward transform is a forward one with real and imaginary parts exchanged, before and after.
void RealFft::backward(const Complex* spectrum, float* samples) {
  Split& work = work_[0];
  work.im[0] = spectrum[0].real() + spectrum[half_].real();
  work.re[0] = spectrum[0].real() - spectrum[half_].real();
  for (int k = 1; k < half_; ++k) {
    const Complex bin = spectrum[k], mirrored = std::conj(spectrum[half_ - k]);
    const float re_odd = bin.real() - mirrored.real(), im_odd = bin.imag() - mirrored.imag();
    const float cosine = twiddles_.re[k], sine = -twiddles_.im[k];
    work.im[k] = bin.real() + mirrored.real() - (cosine * im_odd + sine * re_odd);
    work.re[k] = bin.imag() + mirrored.imag() + (cosine * re_odd - sine * im_odd);
  }
  transform();
  for (int i = 0; i < half_; ++i) {
    samples[2 * i] = work.im[i];
    samples[2 * i + 1] = work.re[i];
  }
}

}  // namespace unbraid
