// A track's numbers as they come in: peaks, levels, and tiles of spectrograms.

import { Levels } from "./loudness.js";

const PART_BYTES = 1 << 20;
export const TILE_FRAMES = 256;

export class Track extends EventTarget {
  constructor(source, state) {
    super();
    this.source = source;
    this.state = state;
    this.stems = state.stem_names;
    this.seconds = state.seconds;
    this.peaks = new Int8Array(0); // (peaks, 1 + stems, 2)
    this.highestPeak = 0; // of the mixture
    this.levels = new Levels(this.stems.length, state.level_rate);
    this.tiles = new Map();
    this.looked = 0;
    this.updating = false;
  }

  get rows() {
    return 1 + this.stems.length;
  }

  /** The seconds that can be played by now. */
  get playable() {
    return this.state.finished ? this.seconds : Math.max(0, this.state.done_seconds - 0.25);
  }

  get over() {
    return this.state.finished || Boolean(this.state.error);
  }

  /** Fetches what has been made since; tells of it with "change". */
  async update() {
    if (this.updating) return;
    this.updating = true;
    try {
      this.state = await this.source.state();
      const peaks = this.state.peaks * this.rows * 2;
      this.peaks = new Int8Array(await this.#grown("peaks", this.peaks, peaks));
      this.#findHighest();
      this.levels.set(new Float32Array(await this.#grown("levels", this.levels.values, Infinity)));
      this.dispatchEvent(new Event("change"));
    } finally {
      this.updating = false;
    }
  }

  #findHighest() {
    const step = this.rows * 2;
    for (; this.looked < this.peaks.length; this.looked += step) {
      this.highestPeak = Math.max(this.highestPeak, -this.peaks[this.looked], this.peaks[this.looked + 1]);
    }
  }

  async #grown(part, held, stop) {
    const parts = [new Uint8Array(held.buffer, held.byteOffset, held.byteLength)];
    let size = held.byteLength;
    while (size < stop) {
      const more = new Uint8Array(await this.source.bytes(part, size, size + PART_BYTES));
      if (!more.length) break;
      parts.push(more);
      size += more.length;
    }
    if (parts.length === 1) return held.buffer;
    const all = new Uint8Array(size);
    let place = 0;
    for (const each of parts) {
      all.set(each, place);
      place += each.length;
    }
    return all.buffer;
  }

  frameRate(level) {
    return this.state.frame_rate / 2 ** level;
  }

  /** A tile's bytes (frames, stems, bands), or what is there by now; asks for the rest and tells of it with "tile". */
  tile(level, index) {
    const key = `${level}/${index}`;
    const tile = this.tiles.get(key) ?? { bytes: new Uint8Array(0), pending: false };
    this.tiles.set(key, tile);
    const frameBytes = this.stems.length * this.state.bands;
    const there = Math.min(TILE_FRAMES, this.state.frames[level] - index * TILE_FRAMES) * frameBytes;
    if (tile.bytes.length < there && !tile.pending) {
      tile.pending = true;
      const start = index * TILE_FRAMES * frameBytes;
      this.source
        .bytes(`spectrogram/${level}`, start, start + TILE_FRAMES * frameBytes)
        .then((bytes) => {
          tile.bytes = new Uint8Array(bytes);
          this.dispatchEvent(new Event("tile"));
        })
        .catch(() => {})
        .finally(() => (tile.pending = false));
    }
    return tile.bytes;
  }
}
