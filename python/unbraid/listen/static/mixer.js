// Where the faders stand: gains, mute and solo of each stem, and what is heard of it.

export const LOWEST_DB = -48; // the fader's end, which is silence
export const HIGHEST_DB = 12;

export class Mixer extends EventTarget {
  /** `key` names the faders' place in the tab's memory: a reload leaves them where they are. */
  constructor(stems, key) {
    super();
    this.stems = stems;
    this.key = key;
    this.channels = stems.map(() => ({ db: 0, mute: false, solo: false }));
    this.original = false; // whether the mixture is heard instead
    this.matched = true; // at the remix's loudness
    this.#restore();
  }

  set(stem, change) {
    Object.assign(this.channels[stem], change);
    this.#changed();
  }

  compare(change) {
    Object.assign(this, change);
    this.#changed();
  }

  reset() {
    this.channels.forEach((channel) => Object.assign(channel, { db: 0, mute: false, solo: false }));
    this.#changed();
  }

  isHeard(stem) {
    const { db, mute, solo } = this.channels[stem];
    return !mute && db > LOWEST_DB && (solo || !this.channels.some((channel) => channel.solo));
  }

  /** Linear gains of the remix, solo and mute counted in. */
  gains() {
    return this.channels.map(({ db }, stem) => (this.isHeard(stem) ? 10 ** (db / 20) : 0));
  }

  /** The same as `unbraid.remix` takes it. */
  gainsDb() {
    return Object.fromEntries(
      this.stems.map((name, stem) => [name, this.isHeard(stem) ? this.channels[stem].db : "mute"]),
    );
  }

  #changed() {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(this.channels));
    } catch {
      // a page without storage, as a report may be, forgets
    }
    this.dispatchEvent(new Event("change"));
  }

  #restore() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.key) ?? "[]");
      if (kept.length === this.channels.length) {
        kept.forEach(({ db, mute, solo }, stem) => Object.assign(this.channels[stem], { db, mute, solo }));
      }
    } catch {
      // as above
    }
  }
}
