#include "unbraid/dsp/fft_kernels.h"

#include <cstddef>

#include "unbraid/dsp/lanes.h"

namespace unbraid {
namespace {

/// The DFT of Radix values in place. `roots` has exp(-2 pi i k / Radix).
template <int Radix, typename V>
UNBRAID_INLINE void butterfly(V (&re)[Radix], V (&im)[Radix], const float* roots) {
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

/// The butterflies of a stage: `stride` of them lie side by side and share their twiddles. In
/// Stockham's order: results come out sorted, without a pass of reversed bits.
template <int Radix, typename V>
UNBRAID_INLINE void run_groups(const FftStage& stage, SplitComplex in, SplitComplex out) {
  const std::ptrdiff_t stride = stage.stride, span = stage.span;
  const float* roots = stage.roots.data();
  for (std::ptrdiff_t j = 0; j < span; ++j) {
    const float *in_re = in.re + stride * j, *in_im = in.im + stride * j;
    float *out_re = out.re + stride * j * Radix, *out_im = out.im + stride * j * Radix;
    float cosines[Radix], sines[Radix];
    for (int k = 1; k < Radix; ++k) {
      cosines[k] = stage.twiddles[(2 * k - 2) * span + j];
      sines[k] = stage.twiddles[(2 * k - 1) * span + j];
    }
    for (std::ptrdiff_t q = 0; q < stride; q += kLanes<V>) {
      V re[Radix], im[Radix];
      for (int r = 0; r < Radix; ++r) {
        load(re[r], in_re + q + r * stride * span);
        load(im[r], in_im + q + r * stride * span);
      }
      butterfly<Radix>(re, im, roots);
      store(out_re + q, re[0]);
      store(out_im + q, im[0]);
      for (int k = 1; k < Radix; ++k) {
        const V turned_re = cosines[k] * re[k] - sines[k] * im[k];
        const V turned_im = cosines[k] * im[k] + sines[k] * re[k];
        store(out_re + q + k * stride, turned_re);
        store(out_im + q + k * stride, turned_im);
      }
    }
  }
}

#if defined(UNBRAID_HAS_LANES)
/// The first stage, where no butterflies lie side by side: four groups at once.
UNBRAID_INLINE void run_first_fours(const FftStage& stage, SplitComplex in, SplitComplex out) {
  const std::ptrdiff_t span = stage.span;
  const float* twiddles = stage.twiddles.data();
  const float *in_re = in.re, *in_im = in.im;
  float *out_re = out.re, *out_im = out.im;
  for (std::ptrdiff_t j = 0; j < span; j += 4) {
    Lanes<4> re[4], im[4];
    for (int r = 0; r < 4; ++r) {
      load(re[r], in_re + j + r * span);
      load(im[r], in_im + j + r * span);
    }
    butterfly<4>(re, im, nullptr);
    for (int k = 1; k < 4; ++k) {
      Lanes<4> cosine, sine;
      load(cosine, twiddles + (2 * k - 2) * span + j);
      load(sine, twiddles + (2 * k - 1) * span + j);
      const Lanes<4> turned = cosine * re[k] - sine * im[k];
      im[k] = cosine * im[k] + sine * re[k];
      re[k] = turned;
    }
    transpose(re);
    transpose(im);
    for (int k = 0; k < 4; ++k) {
      store(out_re + 4 * (j + k), re[k]);
      store(out_im + 4 * (j + k), im[k]);
    }
  }
}
#else
void run_first_fours(const FftStage&, SplitComplex, SplitComplex) {}  // is not chosen
#endif

/// A complex signal from pairs of neighbouring samples.
template <int Most>
UNBRAID_INLINE void take_pairs(const float* samples, int half, SplitComplex out) {
  int i = 0;
#if defined(UNBRAID_HAS_LANES)
  for (; i + Most <= half; i += Most) {
    Lanes<Most> re, im;
    load_pairs(re, im, samples + 2 * i, kEach<Most>);
    store(out.re + i, re);
    store(out.im + i, im);
  }
#endif
  for (; i < half; ++i) {
    out.re[i] = samples[2 * i];
    out.im[i] = samples[2 * i + 1];
  }
}

/// The opposite, with real and imaginary part exchanged.
template <int Most>
UNBRAID_INLINE void give_pairs(SplitComplex in, int half, float* samples) {
  int i = 0;
#if defined(UNBRAID_HAS_LANES)
  for (; i + Most <= half; i += Most) {
    Lanes<Most> re, im;
    load(re, in.im + i);
    load(im, in.re + i);
    store_pairs(samples + 2 * i, re, im, kEach<Most>);
  }
#endif
  for (; i < half; ++i) {
    samples[2 * i] = in.im[i];
    samples[2 * i + 1] = in.re[i];
  }
}

/// A bin of the spectrum, from the transforms of the even and the odd samples, which share a value
/// and the one at half minus its number ("mirrored").
template <typename V>
UNBRAID_INLINE void join_halves(V& re, V& im, const V& mirrored_re, const V& mirrored_im,
                                const V& cosine, const V& sine) {
  const V re_odd = im + mirrored_im, im_odd = mirrored_re - re;
  re = 0.5f * (re + mirrored_re + cosine * re_odd - sine * im_odd);
  im = 0.5f * (im - mirrored_im + cosine * im_odd + sine * re_odd);
}

/// The opposite, times two.
template <typename V>
UNBRAID_INLINE void take_halves_apart(V& re, V& im, const V& mirrored_re, const V& mirrored_im,
                                      const V& cosine, const V& sine) {
  const V re_odd = re - mirrored_re, im_odd = im + mirrored_im;
  const V turned_re = cosine * re_odd + sine * im_odd, turned_im = cosine * im_odd - sine * re_odd;
  re = re + mirrored_re - turned_im;
  im = im - mirrored_im + turned_re;
}

template <int Most>
UNBRAID_INLINE void join_spectrum(SplitComplex in, int half, const float* twiddles,
                                  Complex* spectrum) {
  spectrum[0] = in.re[0] + in.im[0];
  spectrum[half] = in.re[0] - in.im[0];
  int k = 1;
#if defined(UNBRAID_HAS_LANES)
  auto* out = reinterpret_cast<float*>(spectrum);
  for (; k + Most <= half; k += Most) {
    const int mirrored = half - k - Most + 1;
    Lanes<Most> re, im, mirrored_re, mirrored_im, cosine, sine;
    load(re, in.re + k);
    load(im, in.im + k);
    load(mirrored_re, in.re + mirrored);
    load(mirrored_im, in.im + mirrored);
    reverse(mirrored_re, kEach<Most>);
    reverse(mirrored_im, kEach<Most>);
    load(cosine, twiddles + k);
    load(sine, twiddles + half + k);
    join_halves(re, im, mirrored_re, mirrored_im, cosine, sine);
    store_pairs(out + 2 * k, re, im, kEach<Most>);
  }
#endif
  for (; k < half; ++k) {
    float re = in.re[k], im = in.im[k];
    join_halves(re, im, in.re[half - k], in.im[half - k], twiddles[k], twiddles[half + k]);
    spectrum[k] = Complex(re, im);
  }
}

// A backward transform is a forward one with real and imaginary parts exchanged, before and after.
template <int Most>
UNBRAID_INLINE void take_spectrum_apart(const Complex* spectrum, int half, const float* twiddles,
                                        SplitComplex out) {
  out.im[0] = spectrum[0].real() + spectrum[half].real();
  out.re[0] = spectrum[0].real() - spectrum[half].real();
  int k = 1;
#if defined(UNBRAID_HAS_LANES)
  const auto* in = reinterpret_cast<const float*>(spectrum);
  for (; k + Most <= half; k += Most) {
    Lanes<Most> re, im, mirrored_re, mirrored_im, cosine, sine;
    load_pairs(re, im, in + 2 * k, kEach<Most>);
    load_pairs(mirrored_re, mirrored_im, in + 2 * (half - k - Most + 1), kEach<Most>);
    reverse(mirrored_re, kEach<Most>);
    reverse(mirrored_im, kEach<Most>);
    load(cosine, twiddles + k);
    load(sine, twiddles + half + k);
    take_halves_apart(re, im, mirrored_re, mirrored_im, cosine, sine);
    store(out.im + k, re);
    store(out.re + k, im);
  }
#endif
  for (; k < half; ++k) {
    float re = spectrum[k].real(), im = spectrum[k].imag();
    take_halves_apart(re, im, spectrum[half - k].real(), spectrum[half - k].imag(), twiddles[k],
                      twiddles[half + k]);
    out.im[k] = re;
    out.re[k] = im;
  }
}

// The same for each kind of processor. No template can do that, for the attribute is no parameter.
struct Anywhere {
  static constexpr int kMost = kUsualLanes;

  template <int Radix, typename V>
  static void groups(const FftStage& stage, SplitComplex in, SplitComplex out) {
    run_groups<Radix, V>(stage, in, out);
  }
  static void first_fours(const FftStage& stage, SplitComplex in, SplitComplex out) {
    run_first_fours(stage, in, out);
  }
  static void pairs(const float* samples, int half, SplitComplex out) {
    unbraid::take_pairs<kMost>(samples, half, out);
  }
  static void samples(SplitComplex in, int half, float* samples) {
    unbraid::give_pairs<kMost>(in, half, samples);
  }
  static void spectrum(SplitComplex in, int half, const float* twiddles, Complex* spectrum) {
    unbraid::join_spectrum<kMost>(in, half, twiddles, spectrum);
  }
  static void halves(const Complex* spectrum, int half, const float* twiddles, SplitComplex out) {
    unbraid::take_spectrum_apart<kMost>(spectrum, half, twiddles, out);
  }
};

#if defined(UNBRAID_AVX2)
struct Avx2 {
  static constexpr int kMost = 8;

  template <int Radix, typename V>
  UNBRAID_AVX2 static void groups(const FftStage& stage, SplitComplex in, SplitComplex out) {
    run_groups<Radix, V>(stage, in, out);
  }
  UNBRAID_AVX2 static void first_fours(const FftStage& stage, SplitComplex in, SplitComplex out) {
    run_first_fours(stage, in, out);
  }
  UNBRAID_AVX2 static void pairs(const float* samples, int half, SplitComplex out) {
    unbraid::take_pairs<kMost>(samples, half, out);
  }
  UNBRAID_AVX2 static void samples(SplitComplex in, int half, float* samples) {
    unbraid::give_pairs<kMost>(in, half, samples);
  }
  UNBRAID_AVX2 static void spectrum(SplitComplex in, int half, const float* twiddles,
                                    Complex* spectrum) {
    unbraid::join_spectrum<kMost>(in, half, twiddles, spectrum);
  }
  UNBRAID_AVX2 static void halves(const Complex* spectrum, int half, const float* twiddles,
                                  SplitComplex out) {
    unbraid::take_spectrum_apart<kMost>(spectrum, half, twiddles, out);
  }
};
#endif

template <typename Target, int Radix>
decltype(FftStage::run) stage_of_radix(int stride, int span) {
  if (kUsualLanes > 1 && Radix == 4 && stride == 1 && span % 4 == 0) return Target::first_fours;
  if (stride % Target::kMost == 0) return Target::template groups<Radix, Lanes<Target::kMost>>;
  if (stride % kUsualLanes == 0) return Target::template groups<Radix, Lanes<kUsualLanes>>;
  return Target::template groups<Radix, float>;
}

template <typename Target>
decltype(FftStage::run) stage_for(int radix, int stride, int span) {
  switch (radix) {
    case 2:
      return stage_of_radix<Target, 2>(stride, span);
    case 3:
      return stage_of_radix<Target, 3>(stride, span);
    case 4:
      return stage_of_radix<Target, 4>(stride, span);
    case 5:
      return stage_of_radix<Target, 5>(stride, span);
    case 7:
      return stage_of_radix<Target, 7>(stride, span);
    default:
      return stage_of_radix<Target, 11>(stride, span);
  }
}

template <typename Target>
constexpr FftKernels kKernels{Target::pairs, Target::samples, Target::spectrum, Target::halves,
                              stage_for<Target>};

}  // namespace

std::vector<const FftKernels*> fft_kernels() {
#if defined(UNBRAID_AVX2)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {&kKernels<Avx2>, &kKernels<Anywhere>};
  }
#endif
  return {&kKernels<Anywhere>};
}

}  // namespace unbraid
