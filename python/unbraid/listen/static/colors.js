// Colours of stems, of which there may be any number, in dark and light.

const HUES = [36, 226, 162, 322, 188, 84, 268, 8];
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Calls back whenever the system turns dark or light. */
export function onTheme(callback) {
  dark.addEventListener("change", callback);
}

export function isDark() {
  return dark.matches;
}

/** A stem's colour as [red, green, blue], 0 to 255. */
export function stemColor(stem) {
  const hue = HUES[stem % HUES.length];
  return isDark() ? fromHsl(hue, 0.9, 0.66) : fromHsl(hue, 0.78, hue > 60 && hue < 200 ? 0.32 : 0.42);
}

export const css = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

/** What pictures are drawn on. */
export function paper() {
  return isDark() ? [15, 17, 23] : [255, 255, 255];
}

function fromHsl(hue, saturation, lightness) {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (offset) => {
    const place = (offset + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(place - 3, 9 - place, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
