// Which stretch of time is shown. All rows share it.

const SHORTEST_SECONDS = 2;

export class View extends EventTarget {
  constructor(seconds) {
    super();
    this.seconds = Math.max(seconds, 0.1);
    this.start = 0;
    this.span = this.seconds;
  }

  get isWhole() {
    return this.span >= this.seconds;
  }

  /** Where a time lies, 0 at the left edge and 1 at the right one. */
  place(time) {
    return (time - this.start) / this.span;
  }

  time(place) {
    return this.start + place * this.span;
  }

  show(start, span = this.span) {
    const least = Math.min(SHORTEST_SECONDS, this.seconds);
    const newSpan = Math.min(Math.max(span, least), this.seconds);
    const newStart = Math.min(Math.max(start, 0), this.seconds - newSpan);
    if (newSpan === this.span && newStart === this.start) return;
    this.span = newSpan;
    this.start = newStart;
    this.dispatchEvent(new Event("change"));
  }

  /** Zooms by a factor; the time at `place` stays there. */
  zoom(factor, place = 0.5) {
    const time = this.time(place);
    const span = Math.min(Math.max(this.span * factor, SHORTEST_SECONDS), this.seconds);
    this.show(time - place * span, span);
  }

  /** Turns the page when the playhead leaves it. */
  follow(time) {
    if (!this.isWhole && (time < this.start || time > this.start + this.span)) this.show(time - this.span * 0.05);
  }
}
