#include "unbraid/dsp/mid_side_power.h"

#include <algorithm>

#include "unbraid/dsp/middle_power.h"

namespace unbraid {

void mean_spectrum(const Complex* spectra, int channels, int stride, int num_bins, Complex* mean) {
  const float share = 1.0f / static_cast<float>(channels);
  std::copy_n(spectra, num_bins, mean);
  for (int channel = 1; channel < channels; ++channel) {
    const Complex* spectrum = spectra + channel * stride;
    for (int bin = 0; bin < num_bins; ++bin) mean[bin] += spectrum[bin];
  }
  for (int bin = 0; bin < num_bins; ++bin) mean[bin] *= share;
}

void mid_side_power(const Complex* spectra, int channels, int stride, int num_bins, float scale,
                    Complex* mean, float* mid, float* side) {
  std::fill_n(side, num_bins, 0.0f);
  if (channels == 1) {
    for (int bin = 0; bin < num_bins; ++bin) mid[bin] = scale * std::norm(spectra[bin]);
    return;
  }
  mean_spectrum(spectra, channels, stride, num_bins, mean);
  for (int channel = 0; channel < channels; ++channel) {
    const Complex* spectrum = spectra + channel * stride;
    for (int bin = 0; bin < num_bins; ++bin) side[bin] += std::norm(spectrum[bin] - mean[bin]);
  }
  const float side_scale = scale / static_cast<float>(channels);
  for (int bin = 0; bin < num_bins; ++bin) {
    mid[bin] = scale * std::norm(mean[bin]);
    side[bin] *= side_scale;
  }
}

void middle_power(const float* mid, const float* side, int num_bins, float* power) {
  constexpr float kLeast = 1.0f / kCancelled;
  for (int bin = 0; bin < num_bins; ++bin) {
    power[bin] = std::max(mid[bin], kLeast * (mid[bin] + side[bin]));
  }
}

}  // namespace unbraid
