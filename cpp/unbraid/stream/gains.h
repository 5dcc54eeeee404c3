#pragma once

/// The gains that users may ask for, in dB; the layers above name these, too.
namespace unbraid {

constexpr double kMaxGainDb = 60.0;       // in the API: more is a mistake
constexpr double kFaderTopDb = 12.0;      // of the plug-in
constexpr double kFaderBottomDb = -72.0;  // from here down a fader is silent

}  // namespace unbraid
