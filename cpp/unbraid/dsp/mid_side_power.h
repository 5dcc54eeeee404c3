#pragma once

#include "unbraid/dsp/fft.h"

namespace unbraid {

/// spectra[channels][stride] -> mean[num_bins], of the channels.
void mean_spectrum(const Complex* spectra, int channels, int stride, int num_bins, Complex* mean);

/// What a network that tells the middle from the sides hears of several channels: the power of
/// their mean, and the mean power of what each has beside it, which for stereo is |(L - R) / 2|^2
/// and for one channel nothing. Together they are the mean of the channels' powers.
/// spectra[channels][stride] -> mid[num_bins], side[num_bins], times `scale`; mean[num_bins] is
/// scratch.
void mid_side_power(const Complex* spectra, int channels, int stride, int num_bins, float scale,
                    Complex* mean, float* mid, float* side);

/// What middle_power() makes of the same channels: power[num_bins].
void middle_power(const float* mid, const float* side, int num_bins, float* power);

}  // namespace unbraid
