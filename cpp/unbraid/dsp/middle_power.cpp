#include "unbraid/dsp/middle_power.h"

#include <algorithm>

namespace unbraid {

void middle_power(const Complex* spectra, int channels, int stride, int num_bins, float scale,
                  Complex* middle, float* power) {
  if (channels == 1) {
    for (int bin = 0; bin < num_bins; ++bin) power[bin] = scale * std::norm(spectra[bin]);
    return;
  }
  const float middle_scale = scale / static_cast<float>(channels * channels);
  const float least_scale = scale / static_cast<float>(kCancelled * channels);
  std::fill_n(middle, num_bins, Complex());
  std::fill_n(power, num_bins, 0.0f);
  for (int channel = 0; channel < channels; ++channel) {
    const Complex* spectrum = spectra + channel * stride;
    for (int bin = 0; bin < num_bins; ++bin) {
      middle[bin] += spectrum[bin];
      power[bin] += std::norm(spectrum[bin]);
    }
  }
  for (int bin = 0; bin < num_bins; ++bin) {
    power[bin] = std::max(middle_scale * std::norm(middle[bin]), least_scale * power[bin]);
  }
}

}  // namespace unbraid
