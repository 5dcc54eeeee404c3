// The dialog that saves the remix and the stems.

import { element } from "./elements.js";
import { request } from "./source.js";

const FORMATS = [
  ["WAV, 32 bit float (never clips)", "wav", 32],
  ["WAV, 24 bit", "wav", 24],
  ["WAV, 16 bit", "wav", 16],
  ["FLAC, 24 bit", "flac", 24],
];
const POLL_MS = 300;

export class ExportDialog {
  constructor(dialog) {
    this.dialog = dialog;
    this.what = element("select", { id: "export-what" });
    this.format = element("select", { id: "export-format" });
    this.format.append(...FORMATS.map(([text], index) => element("option", { value: index, textContent: text })));
    this.go = element("button", { type: "submit", className: "primary", textContent: "Save" });
    this.close = element("button", { type: "button", textContent: "Close" });
    this.close.onclick = () => dialog.close();
    this.bar = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "Export" });
    this.told = element("p", { role: "status" });
    const form = element(
      "form",
      { method: "dialog" },
      element("h2", { id: "export-title", textContent: "Export" }),
      element("label", { htmlFor: "export-what", textContent: "What" }),
      this.what,
      element("label", { htmlFor: "export-format", textContent: "Format" }),
      this.format,
      this.bar,
      this.told,
      element("div", { className: "buttons" }, this.close, this.go),
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#run();
    };
    dialog.replaceChildren(form);
  }

  open(track, mixer) {
    Object.assign(this, { track, mixer });
    const choices = [
      ["remix", "Remix, as the faders stand"],
      ["stems", "All stems, as a ZIP archive"],
      ...track.stems.map((name) => [name, `Only ${name}`]),
    ];
    this.what.replaceChildren(...choices.map(([value, text]) => element("option", { value, textContent: text })));
    this.told.textContent = "";
    this.dialog.showModal();
  }

  async #run() {
    const [, kind, bits] = FORMATS[this.format.value];
    this.go.disabled = true;
    this.bar.hidden = false;
    this.bar.value = 0;
    this.told.textContent = "Writing…";
    try {
      const id = await this.track.source.export(this.what.value, this.mixer.gainsDb(), kind, bits);
      const state = await this.#wait(id);
      element("a", { href: `exports/${id}/file`, download: state.name }).click();
      this.told.textContent = [`${state.name} is with your downloads.`, ...state.warnings].join(" ");
    } catch (error) {
      this.told.textContent = error.message;
    } finally {
      this.go.disabled = false;
      this.bar.hidden = true;
    }
  }

  async #wait(id) {
    for (;;) {
      const state = await request(`exports/${id}`);
      if (state.error) throw new Error(state.error);
      if (state.finished) return state;
      this.bar.value = state.done;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
