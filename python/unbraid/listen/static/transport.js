// The bar with play, position, and the comparison with the original.

import { clock, decibels, element } from "./elements.js";

export class Transport {
  constructor(bar, actions) {
    const button = (label, text, title, action, className = "") => {
      const node = element("button", { type: "button", textContent: text, title, className, "aria-label": label });
      node.onclick = action;
      return node;
    };
    this.play = button("Play", "", "Space", actions.play, "play");
    this.position = element("input", { type: "range", id: "position", min: 0, step: 0.1, "aria-label": "Position" });
    this.position.oninput = () => actions.seek(Number(this.position.value));
    this.time = element("span", { className: "time", role: "timer" });
    this.remix = button("Hear the remix", "Remix", "O", () => actions.compare({ original: false }));
    this.original = button("Hear the original", "Original", "O", () => actions.compare({ original: true }));
    this.matched = element("input", { type: "checkbox", id: "matched" });
    this.matched.onchange = () => actions.compare({ matched: this.matched.checked });
    const label = element("label", { htmlFor: "matched" }, this.matched, "equal loudness");
    label.title = "The original is played as loud as the remix, so that louder is not taken for better";
    this.loudness = element("span", { className: "loudness" });
    const compare = element("div", { className: "choice", role: "group", "aria-label": "Compare" });
    compare.append(this.remix, this.original);
    const zoom = element("div", { className: "choice", role: "group", "aria-label": "Zoom" });
    zoom.append(
      button("Zoom out", "−", "− key", () => actions.zoom(2)),
      button("Zoom in", "+", "+ key", () => actions.zoom(0.5)),
    );
    const back = button("Back 5 seconds", "−5", "←", () => actions.skip(-5), "skip");
    const ahead = button("Ahead 5 seconds", "+5", "→", () => actions.skip(5), "skip");
    bar.replaceChildren(
      element("div", { className: "group" }, back, this.play, ahead, this.time),
      element("div", { className: "group" }, compare, label, this.loudness),
      element("div", { className: "group end" }, zoom),
      this.position,
    );
  }

  showPlaying(playing) {
    this.play.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.play.classList.toggle("on", playing);
  }

  showTime(seconds, all) {
    const text = `${clock(seconds)} / ${clock(all)}`;
    if (this.time.textContent !== text) this.time.textContent = text;
    this.position.max = all;
    this.position.value = seconds;
    this.position.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(all)}`);
  }

  showComparison({ original, matched }, remixLufs, originalLufs) {
    this.remix.setAttribute("aria-pressed", !original);
    this.original.setAttribute("aria-pressed", original);
    this.matched.checked = matched;
    const told = (lufs) => `${decibels(lufs).replace("+", "")} LUFS`;
    this.loudness.textContent = `${told(remixLufs)} · original ${told(originalLufs)}`;
  }
}
