// A row's pictures, with the playhead over them and a veil over what is not separated yet.

import { element } from "./elements.js";

export class Lane {
  constructor(track, view, ...pictures) {
    Object.assign(this, { track, view });
    this.playhead = element("div", { className: "playhead", "aria-hidden": "true" });
    this.pending = element("div", { className: "pending", "aria-hidden": "true" });
    this.node = element("div", { className: "pictures" }, ...pictures, this.pending, this.playhead);
  }

  showTime(time) {
    const { state } = this.track;
    const place = this.view.place(time);
    this.playhead.style.transform = `translateX(${place * this.node.clientWidth}px)`;
    this.playhead.hidden = place < 0 || place > 1;
    const done = this.view.place(state.done_seconds);
    this.pending.hidden = state.finished || done >= 1;
    this.pending.style.left = `${Math.max(0, done) * 100}%`;
  }

  /** A press anywhere goes there; the wheel zooms with Ctrl, and moves sideways. */
  listen(seek) {
    const { node, view } = this;
    const placeOf = (event) => {
      const box = node.getBoundingClientRect();
      return (event.clientX - box.left) / box.width;
    };
    node.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      node.setPointerCapture(event.pointerId);
      seek(view.time(placeOf(event)));
    });
    node.addEventListener("pointermove", (event) => {
      if (node.hasPointerCapture(event.pointerId)) seek(view.time(placeOf(event)));
    });
    node.addEventListener(
      "wheel",
      (event) => {
        if (event.ctrlKey) view.zoom(1.002 ** event.deltaY, placeOf(event));
        else if (event.deltaX) view.show(view.start + (event.deltaX / node.clientWidth) * view.span);
        else return;
        event.preventDefault();
      },
      { passive: false },
    );
  }
}
