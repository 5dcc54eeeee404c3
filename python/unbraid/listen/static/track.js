// A track's numbers as they come in: peaks, levels, and tiles of spectrograms.

import { Levels } from "./loudness.js";

const PART_BYTES = 1 << 20;
export const TILE_FRAMES = 256;

/** Bytes in memory that grows by doubling: what comes in small parts for minutes is not copied each time. */
class Growing {
  constructor() {
    this.bytes = new Uint8Array(1 << 12);
    this.size = 0;
  }

  append(more) {
    if (this.size + more.length > this.bytes.length) {
      const larger = new Uint8Array(2 * (this.size + more.length));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.bytes.set(more, this.size);
    this.size += more.length;
  }

  /** All of it as an array of this kind. */
  as(Kind) {
    return new Kind(this.bytes.buffer, 0, Math.floor(this.size / Kind.BYTES_PER_ELEMENT));
  }
}

export class Track extends EventTarget {
  constructor(source, state) {
    super();
    this.source = source;
    this.state = state;
    this.stems = state.stem_names;
    this.seconds = state.seconds;
    this.peaks = new Int8Array(0); // (peaks, 1 + stems, 2)
    this.grown = { peaks: new Growing(), levels: new Growing() };
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
      await this.#fetchMore("peaks", peaks);
      this.peaks = this.grown.peaks.as(Int8Array);
      this.#findHighest();
      await this.#fetchMore("levels", Infinity);
      this.levels.set(this.grown.levels.as(Float32Array));
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

  /** Fetches what there is of a part up to byte `stop`. */
  async #fetchMore(part, stop) {
    const grown = this.grown[part];
    while (grown.size < stop) {
      const more = new Uint8Array(await this.source.bytes(part, grown.size, grown.size + PART_BYTES));
      if (!more.length) break;
      grown.append(more);
    }
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
