// One stem's row: name, mute, solo, fader and meter, and its pictures.

import { css, stemColor } from "./colors.js";
import { clock, decibels, element } from "./elements.js";
import { Lane } from "./lane.js";
import { HIGHEST_DB, LOWEST_DB } from "./mixer.js";
import { drawPassages, drawSpectrogram, drawWaveform } from "./pictures.js";

const TOLD = 5; // passages that a screen reader is told

export class Strip {
  constructor(track, mixer, view, stem, seek) {
    Object.assign(this, { track, mixer, view, stem, seek });
    this.name = track.stems[stem];
    this.passages = [];
    this.#build();
  }

  #build() {
    const { name, stem, mixer, track, view } = this;
    const key = stem < 9 ? String(stem + 1) : "";
    this.mute = element("button", { type: "button", className: "mute", textContent: "M", "aria-label": `Mute ${name}` });
    this.mute.title = key ? `Mute (Shift+${key})` : "Mute";
    this.mute.onclick = () => mixer.set(stem, { mute: !mixer.channels[stem].mute });
    this.solo = element("button", { type: "button", className: "solo", textContent: "S", "aria-label": `Solo ${name}` });
    this.solo.title = key ? `Solo (${key})` : "Solo";
    this.solo.onclick = () => mixer.set(stem, { solo: !mixer.channels[stem].solo });
    this.fader = element("input", { type: "range", className: "fader", "aria-label": `${name} gain in dB` });
    Object.assign(this.fader, { min: LOWEST_DB, max: HIGHEST_DB, step: 0.5, title: "Double-click for 0 dB" });
    this.fader.oninput = () => mixer.set(stem, { db: Number(this.fader.value) });
    this.fader.ondblclick = () => mixer.set(stem, { db: 0 });
    this.value = element("span", { className: "value", "aria-hidden": "true" }); // the slider tells it
    this.meter = element("div", { className: "meter", "aria-hidden": "true" }, element("i"));
    const step = (direction, sign) => {
      const button = element("button", { type: "button", className: "jump", textContent: sign });
      button.title = `${direction > 0 ? "Next" : "Previous"} passage`;
      button.setAttribute("aria-label", `${button.title} of ${name}`);
      button.onclick = () => this.#jump(direction);
      return button;
    };
    this.previous = step(-1, "‹");
    this.next = step(1, "›");
    this.waveform = element("canvas", { className: "waveform", "aria-hidden": "true" });
    this.spectrogram = element("canvas", { className: "spectrogram", role: "img" });
    this.bars = element("canvas", { className: "passages", "aria-hidden": "true" });
    const heading = element("h2", {}, element("i", { className: "dot" }), name);
    if (key) heading.append(element("kbd", { textContent: key, "aria-hidden": "true" }));
    this.controls = element(
      "div",
      { className: "controls" },
      element("div", { className: "line" }, heading, this.previous, this.next, this.mute, this.solo),
      element("div", { className: "line" }, this.fader, this.value),
      this.meter,
    );
    this.lane = new Lane(track, view, this.waveform, this.spectrogram, this.bars);
    this.node = element(
      "section",
      { className: "row stem", role: "group", "aria-label": name },
      this.controls,
      this.lane.node,
    );
  }

  /** What follows from the faders. */
  showGains() {
    const { db, mute, solo } = this.mixer.channels[this.stem];
    const off = db <= LOWEST_DB;
    this.fader.value = db;
    this.fader.setAttribute("aria-valuetext", off ? "silent" : `${decibels(db)} dB`);
    this.fader.style.setProperty("--place", `${((db - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)) * 100}%`);
    this.value.textContent = off ? "−∞ dB" : `${decibels(db)} dB`;
    this.mute.setAttribute("aria-pressed", mute);
    this.solo.setAttribute("aria-pressed", solo);
    this.node.classList.toggle("silent", !this.mixer.isHeard(this.stem));
  }

  showLevel(peak) {
    const place = Math.max(0, 1 + (20 * Math.log10(Math.max(peak, 1e-6))) / 60);
    this.meter.firstChild.style.transform = `scaleX(${Math.min(1, place)})`;
  }

  findPassages() {
    this.passages = this.track.levels.passages(this.stem);
    const told = this.passages.slice(0, TOLD).map(([start, end]) => `${clock(start)} to ${clock(end)}`);
    if (this.passages.length > TOLD) told.push("and more");
    const where = told.length ? `sounds from ${told.join(", ")}` : "does not sound";
    this.spectrogram.setAttribute("aria-label", `Spectrogram of ${this.name}, which ${where}`);
    this.previous.disabled = this.next.disabled = !this.passages.length;
  }

  draw() {
    const color = stemColor(this.stem);
    this.node.style.setProperty("--color", css(color));
    const gain = 10 ** (this.mixer.channels[this.stem].db / 20);
    const gains = this.track.stems.map((_, stem) => (stem === this.stem ? gain : 0));
    drawWaveform(this.waveform, this.track, this.view, this.stem + 1, gain, color);
    drawSpectrogram(this.spectrogram, this.track, this.view, gains);
    drawPassages(this.bars, this.passages, this.view, color);
  }

  #jump(direction) {
    const starts = this.passages.map(([start]) => start);
    this.seek((now) =>
      direction > 0 ? starts.find((start) => start > now + 0.1) : starts.findLast((start) => start < now - 0.7),
    );
  }
}
