#pragma once

#include "unbraid/dsp/fft.h"

namespace unbraid {

constexpr int kCancelled = 8;  // of the mean power, what is heard at least: a part in so many

/// What the network hears of several channels: the power of their mean, where voices stand, and the
/// music that is wide does not. Where the channels cancel in it, an eighth of the mean of their
/// powers is left, so that no sound vanishes.
/// spectra[channels][stride] -> power[num_bins], times `scale`; middle[num_bins] is scratch. Host
/// bin and model bin have the same number, because the frame lasts equally long at any rate.
void middle_power(const Complex* spectra, int channels, int stride, int num_bins, float scale,
                  Complex* middle, float* power);

}  // namespace unbraid
