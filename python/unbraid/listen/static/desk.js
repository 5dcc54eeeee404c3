// The mixing desk for one track: rows, playhead, and what follows when a fader moves.

import { isDark, onTheme } from "./colors.js";
import { clock, element, oncePerFrame } from "./elements.js";
import { Lane } from "./lane.js";
import { toDb } from "./loudness.js";
import { Mixer } from "./mixer.js";
import { drawFrequencies, drawRuler, drawSpectrogram, drawWaveform } from "./pictures.js";
import { Player } from "./player.js";
import { Strip } from "./strip.js";
import { Transport } from "./transport.js";
import { View } from "./view.js";

const MAX_MATCH_DB = 24;
const METER_FALL = 0.93; // from one picture to the next
const OVER_MS = 1500;

export class Desk {
  constructor(track, root, bar) {
    Object.assign(this, { track, root });
    const { state } = track;
    this.player = new Player(track.source.audioUrl, track.stems.length, state.stem_channels, state.headroom);
    this.mixer = new Mixer(track.stems, `faders ${state.name} ${state.seconds}`);
    this.view = new View(track.seconds);
    this.falling = new Array(track.stems.length + 1).fill(0);
    this.overAt = -Infinity;
    this.transport = new Transport(bar, {
      play: () => this.toggle(),
      seek: (time) => this.seek(time),
      skip: (seconds) => this.seek(this.player.time + seconds),
      compare: (change) => this.mixer.compare(change),
      zoom: (factor) => this.zoom(factor),
    });
    this.#build();
    this.#listen();
    this.#gainsChanged();
    this.#dataChanged();
    this.#showTime();
  }

  close() {
    this.closed = true;
    this.player.close();
    this.resizing.disconnect();
    this.root.replaceChildren();
  }

  async toggle() {
    try {
      if (this.player.playing) this.player.pause();
      else await this.player.play();
    } catch (error) {
      if (error.name !== "AbortError") this.onerror?.(`It cannot be played: ${error.message}`);
    }
  }

  seek(time) {
    const end = this.track.state.finished ? this.track.seconds : this.track.playable;
    this.player.seek(Math.min(Math.max(time, 0), end));
    this.view.follow(this.player.time);
    this.#showTime();
  }

  zoom(factor) {
    const place = this.view.place(this.player.time);
    this.view.zoom(factor, place >= 0 && place <= 1 ? place : 0.5);
  }

  #build() {
    this.ruler = element("canvas", { className: "ruler", "aria-hidden": "true" });
    this.waveform = element("canvas", { className: "waveform", "aria-hidden": "true" });
    this.spectrogram = element("canvas", { className: "spectrogram", role: "img" });
    this.spectrogram.setAttribute("aria-label", "Spectrogram of what is heard, coloured by stem");
    this.over = element("span", { className: "over", textContent: "over", hidden: true });
    this.over.title = "The remix is louder than full scale: lower the faders, or export 32 bit float";
    this.meter = element("div", { className: "meter", "aria-hidden": "true" }, element("i"));
    const reset = element("button", { type: "button", className: "reset", textContent: "Reset" });
    reset.title = "All faders to 0 dB";
    reset.onclick = () => this.mixer.reset();
    this.heard = element("p", { className: "heard" });
    const controls = element(
      "div",
      { className: "controls" },
      element("div", { className: "line" }, element("h2", { textContent: "mix" }), this.over, reset),
      this.heard,
      this.meter,
      this.#hints(),
    );
    const lane = new Lane(this.track, this.view, this.ruler, this.waveform, this.spectrogram);
    const mix = element("section", { className: "row mix", role: "group", "aria-label": "mix" }, controls, lane.node);
    this.strips = this.track.stems.map(
      (_, stem) =>
        new Strip(this.track, this.mixer, this.view, stem, (choose) => {
          const time = choose(this.player.time);
          if (time !== undefined) this.seek(time);
        }),
    );
    this.lanes = [lane, ...this.strips.map((strip) => strip.lane)];
    const rows = element("div", { className: "rows" }, mix, ...this.strips.map((strip) => strip.node));
    this.root.replaceChildren(rows);
  }

  #hints() {
    const last = Math.min(this.track.stems.length, 9);
    const keys = [["Space", "play"], ["← →", "5 s"], [`1–${last}`, "solo"], [`Shift 1–${last}`, "mute"], ["O", "original"]];
    const list = element("p", { className: "hints", "aria-label": "Keys" });
    list.append(...keys.flatMap(([key, what]) => [element("span", {}, element("kbd", { textContent: key }), ` ${what}`), " "]));
    return list;
  }

  #listen() {
    this.draw = oncePerFrame(() => this.#draw());
    this.measure = oncePerFrame(() => this.#measure());
    this.tick = () => this.#tick();
    this.mixer.addEventListener("change", () => this.#gainsChanged());
    this.view.addEventListener("change", () => {
      this.draw();
      this.#showTime();
    });
    this.track.addEventListener("change", () => this.#dataChanged());
    this.track.addEventListener("tile", this.draw);
    onTheme(this.draw);
    for (const kind of ["play", "pause", "ended", "seeked", "timeupdate", "playing", "waiting"]) {
      this.player.addEventListener(kind, () => this.#playingChanged());
    }
    this.player.addEventListener("error", () => {
      if (!this.closed && !this.track.state.error) this.onerror?.("The browser cannot play this track's audio.");
    });
    this.resizing = new ResizeObserver(() => {
      this.draw();
      this.#showTime();
    });
    this.resizing.observe(this.root);
    this.lanes.forEach((lane) => lane.listen((time) => this.seek(time)));
  }

  #gainsChanged() {
    this.strips.forEach((strip) => strip.showGains());
    this.measure();
    this.draw();
  }

  #dataChanged() {
    this.strips.forEach((strip) => strip.findPassages());
    this.measure();
    this.draw();
  }

  /** Loudness of both sides of the comparison, and the gains that follow from it. */
  #measure() {
    const { levels, stems } = this.track;
    const gains = this.mixer.gains();
    const all = stems.map(() => 1);
    const remix = levels.integrated(gains);
    const original = levels.integrated(all);
    this.transport.showComparison(this.mixer, remix, original);
    let match = 1;
    if (this.mixer.matched && Number.isFinite(remix) && Number.isFinite(original)) {
      match = 10 ** (Math.min(Math.max(remix - original, -MAX_MATCH_DB), MAX_MATCH_DB) / 20);
    }
    this.player.setGains(this.mixer.original ? all.map(() => match) : gains);
    this.heard.textContent = this.mixer.original
      ? `the original${match === 1 ? "" : `, ${toDb(match ** 2).toFixed(1).replace("-", "−")} dB`}`
      : "what you hear";
    this.root.classList.toggle("original", this.mixer.original);
  }

  #draw() {
    if (this.closed) return;
    const gains = this.mixer.original ? this.track.stems.map(() => 1) : this.mixer.gains();
    const ink = isDark() ? [176, 184, 204] : [84, 92, 112];
    drawRuler(this.ruler, this.view, clock);
    drawWaveform(this.waveform, this.track, this.view, 0, 1, ink);
    drawSpectrogram(this.spectrogram, this.track, this.view, gains);
    drawFrequencies(this.spectrogram, this.track, ink);
    this.strips.forEach((strip) => strip.draw());
    this.#showTime();
  }

  #playingChanged() {
    this.transport.showPlaying(this.player.playing);
    this.#showTime();
    if (this.player.playing && !this.ticking) {
      this.ticking = true;
      requestAnimationFrame(this.tick);
    }
  }

  #tick() {
    this.ticking = false;
    if (this.closed) return;
    const still = this.player.playing;
    const peaks = still ? this.player.peaks() : this.falling.map(() => 0);
    this.falling = this.falling.map((held, index) => Math.max(peaks[index], held * METER_FALL));
    this.strips.forEach((strip, stem) => strip.showLevel(this.falling[stem]));
    const sum = this.falling.at(-1);
    this.meter.firstChild.style.transform = `scaleX(${Math.min(1, Math.max(0, 1 + (toDb(sum ** 2) / 60)))})`;
    const now = performance.now();
    if (peaks.at(-1) > 1) this.overAt = now;
    this.over.hidden = now - this.overAt > OVER_MS;
    if (still) {
      this.view.follow(this.player.time);
      this.#showTime();
    }
    if (still || this.falling.some((level) => level > 1e-3)) {
      this.ticking = true;
      requestAnimationFrame(this.tick);
    }
  }

  #showTime() {
    this.lanes.forEach((lane) => lane.showTime(this.player.time));
    this.transport.showTime(this.player.time, this.track.seconds);
  }
}
