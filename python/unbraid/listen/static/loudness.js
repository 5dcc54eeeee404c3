// Loudness of any mix of the stems after ITU-R BS.1770-4, and where each stem sounds.
//
// The server sends, ten times a second, the products C of each two (weighted) stems. The power of a mix with gains g is
// g'Cg: no audio has to be heard again when a fader moves.

const BLOCK = 4; // of 0.1 s, as the standard has it
const ABSOLUTE_GATE = -70;
const RELATIVE_GATE = -10;
const OFFSET = -0.691;

export const toDb = (power) => 10 * Math.log10(Math.max(power, 1e-20));

export class Levels {
  constructor(stems, rate) {
    this.stems = stems;
    this.rate = rate;
    this.pairs = (stems * (stems + 1)) / 2;
    this.values = new Float32Array(0); // (levels, pairs)
  }

  get length() {
    return Math.floor(this.values.length / this.pairs);
  }

  set(values) {
    this.values = values;
  }

  /** The power of each tenth of a second of the mix with these gains. */
  powers(gains) {
    const powers = new Float64Array(this.length);
    let place = 0;
    for (let index = 0; index < powers.length; index++) {
      let sum = 0;
      for (let one = 0; one < this.stems; one++) {
        for (let other = one; other < this.stems; other++) {
          sum += (one === other ? 1 : 2) * gains[one] * gains[other] * this.values[place++];
        }
      }
      powers[index] = Math.max(sum, 0);
    }
    return powers;
  }

  /** The integrated loudness of that mix in LUFS; -Infinity for silence. */
  integrated(gains) {
    const powers = this.powers(gains);
    const blocks = [];
    let sum = 0;
    for (let index = 0; index < powers.length; index++) {
      sum += powers[index] - (index >= BLOCK ? powers[index - BLOCK] : 0);
      if (index >= BLOCK - 1) blocks.push(Math.max(sum, 0) / BLOCK);
    }
    const gated = (gate) => {
      const kept = blocks.filter((power) => OFFSET + toDb(power) > gate);
      return kept.reduce((total, power) => total + power, 0) / kept.length;
    };
    const ungated = gated(ABSOLUTE_GATE);
    if (!(ungated > 0)) return -Infinity;
    return OFFSET + toDb(gated(Math.max(ABSOLUTE_GATE, OFFSET + toDb(ungated) + RELATIVE_GATE)));
  }

  /**
   * Where a stem sounds, as [start, end] in seconds: above -60 LUFS, and no more than 20 dB below the stem's own loudness
   * nor 30 dB below the mixture's. Gaps of half a second are bridged, what is shorter than 0.3 s is left out.
   */
  passages(stem) {
    const alone = Array.from({ length: this.stems }, (_, index) => Number(index === stem));
    const powers = this.powers(alone);
    const all = new Array(this.stems).fill(1);
    const gate = Math.max(-60, this.integrated(alone) - 20, this.integrated(all) - 30);
    const gap = Math.round(0.5 * this.rate);
    const shortest = Math.round(0.3 * this.rate);
    const found = [];
    powers.forEach((power, index) => {
      if (OFFSET + toDb(power) <= gate) return;
      const last = found.at(-1);
      if (last && index - last[1] <= gap) last[1] = index + 1;
      else found.push([index, index + 1]);
    });
    return found
      .filter(([start, end]) => end - start >= shortest)
      .map(([start, end]) => [start / this.rate, end / this.rate]);
  }
}
