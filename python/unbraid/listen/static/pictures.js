// Draws waveforms and spectrograms into canvases. Every row shows the same stretch of time.

import { css, paper, stemColor } from "./colors.js";
import { TILE_FRAMES } from "./track.js";

const FLOOR_DB = -88; // what is shown as nothing
const TOP_DB = -22; // what is shown in full

/** Makes a canvas as fine as the screen and returns its context; null while it is not shown. */
export function prepare(canvas) {
  const scale = devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (!width || !height) return null;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  return context;
}

/** The extremes of one row (0: the mixture, then the stems) as a filled shape; the mixture's highest peak fills it. */
export function drawWaveform(canvas, track, view, row, gain, color) {
  const context = prepare(canvas);
  if (!context) return;
  const { width, height } = canvas;
  const perSecond = track.state.peak_rate;
  const step = track.rows * 2;
  const count = track.peaks.length / step;
  const middle = height / 2;
  const scale = (middle * gain * 0.95) / Math.max(track.highestPeak, 1);
  context.fillStyle = css(color, 0.25);
  context.fillRect(0, middle - 0.5, width, 1);
  context.fillStyle = css(color);
  for (let x = 0; x < width; x++) {
    const first = Math.floor(view.time(x / width) * perSecond);
    const last = Math.max(first + 1, Math.floor(view.time((x + 1) / width) * perSecond));
    if (first >= count) break;
    let low = 127;
    let high = -127;
    for (let peak = first; peak < Math.min(last, count); peak++) {
      low = Math.min(low, track.peaks[peak * step + row * 2]);
      high = Math.max(high, track.peaks[peak * step + row * 2 + 1]);
    }
    const top = Math.max(0, middle - high * scale);
    const bottom = Math.min(height, middle - low * scale);
    context.fillRect(x, top, 1, Math.max(bottom - top, 1));
  }
}

/**
 * The sum of stems with these gains. Colour says which stem it is, strength how loud it is: what a fader takes away
 * fades here, too. The masks keep the mixture's phase, so amplitudes add up.
 */
export function drawSpectrogram(canvas, track, view, gains) {
  const context = prepare(canvas);
  if (!context) return;
  const image = spectrogramImage(track, view, gains, canvas.width);
  if (!image) return;
  const { picture, start, seconds } = image;
  const left = view.place(start) * canvas.width;
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, left, 0, (seconds / view.span) * canvas.width, canvas.height);
}

function spectrogramImage(track, view, gains, width) {
  const { bands, lowest_db: lowest, frames: available } = track.state;
  const stems = track.stems.length;
  let level = 0;
  while (level + 1 < available.length && track.frameRate(level + 1) * view.span >= width) level++;
  const rate = track.frameRate(level);
  const first = Math.max(0, Math.floor(view.start * rate) - 1);
  const count = Math.min(available[level], Math.ceil((view.start + view.span) * rate) + 2) - first;
  if (count <= 0) return null;

  const amplitudes = Float64Array.from({ length: 256 }, (_, value) => 10 ** ((lowest * (1 - value / 255)) / 20));
  amplitudes[0] = 0;
  const colors = gains.map((_, stem) => stemColor(stem));
  const ground = paper();
  const pixels = new ImageData(count, bands);
  pixels.data.fill(0);
  const floor = 10 ** (FLOOR_DB / 20);
  const perOctave = (20 * Math.log10(2)) / (TOP_DB - FLOOR_DB);
  for (let frame = 0; frame < count; frame++) {
    const index = first + frame;
    const tile = track.tile(level, Math.floor(index / TILE_FRAMES));
    const offset = (index % TILE_FRAMES) * stems * bands;
    if (offset + stems * bands > tile.length) continue;
    for (let band = 0; band < bands; band++) {
      let sum = 0;
      let weight = 1e-30;
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let stem = 0; stem < stems; stem++) {
        const amplitude = gains[stem] * amplitudes[tile[offset + stem * bands + band]];
        const power = amplitude * amplitude;
        sum += amplitude;
        weight += power;
        red += power * colors[stem][0];
        green += power * colors[stem][1];
        blue += power * colors[stem][2];
      }
      const strength = sum > floor ? Math.min(1, Math.log2(sum / floor) * perOctave) : 0;
      const place = ((bands - 1 - band) * count + frame) * 4;
      pixels.data[place] = ground[0] + (red / weight - ground[0]) * strength;
      pixels.data[place + 1] = ground[1] + (green / weight - ground[1]) * strength;
      pixels.data[place + 2] = ground[2] + (blue / weight - ground[2]) * strength;
      pixels.data[place + 3] = 255;
    }
  }
  const picture = new OffscreenCanvas(count, bands);
  picture.getContext("2d").putImageData(pixels, 0, 0);
  return { picture, start: (first - 0.5) / rate, seconds: count / rate };
}

/** Names some frequencies at the left edge of a spectrogram. */
export function drawFrequencies(canvas, track, color) {
  const context = canvas.getContext("2d");
  const scale = devicePixelRatio || 1;
  const mel = (hertz) => Math.log10(1 + hertz / 700);
  const [lowest, highest] = track.state.band_edges_hz.map(mel);
  context.font = `${10 * scale}px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = "middle";
  context.lineWidth = 3 * scale;
  context.strokeStyle = css(paper(), 0.8);
  context.fillStyle = css(color);
  for (const [hertz, text] of [[250, "250 Hz"], [1000, "1 kHz"], [3000, "3 kHz"], [8000, "8 kHz"]]) {
    const y = canvas.height * (1 - (mel(hertz) - lowest) / (highest - lowest));
    if (y < 8 * scale || y > canvas.height - 6 * scale) continue;
    context.strokeText(text, 6 * scale, y);
    context.fillText(text, 6 * scale, y);
  }
}

/** Bars where a stem sounds. */
export function drawPassages(canvas, passages, view, color) {
  const context = prepare(canvas);
  if (!context) return;
  context.fillStyle = css(color);
  for (const [start, end] of passages) {
    const left = view.place(start) * canvas.width;
    context.fillRect(left, 0, Math.max(2, (view.place(end) * canvas.width) - left), canvas.height);
  }
}

/** A ruler of times, as fine as there is room for. */
export function drawRuler(canvas, view, format) {
  const context = prepare(canvas);
  if (!context) return;
  const scale = devicePixelRatio || 1;
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  const room = (view.span * 84 * scale) / canvas.width;
  const step = steps.find((each) => each >= room) ?? 7200;
  const style = getComputedStyle(canvas);
  context.fillStyle = style.color;
  context.font = `${11 * scale}px ${style.fontFamily}`;
  context.textBaseline = "middle";
  for (let tick = Math.ceil(view.start / step); tick * step <= view.start + view.span; tick++) {
    const x = Math.round(view.place(tick * step) * canvas.width);
    context.fillRect(x, canvas.height * 0.35, scale, canvas.height);
    const text = format(tick * step, step < 1 ? 1 : 0);
    if (x + context.measureText(text).width + 6 * scale < canvas.width) {
      context.fillText(text, x + 5 * scale, canvas.height * 0.5);
    }
  }
}
