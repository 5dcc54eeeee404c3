// A report: one track, which lies in the page itself.

import { Desk } from "./desk.js";
import { clock } from "./elements.js";
import { listenToKeys } from "./keys.js";
import { Track } from "./track.js";

/** The bytes that a script element holds as base64. */
function embedded(id) {
  return Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (char) => char.charCodeAt(0));
}

async function inflated(id) {
  const stream = new Blob([embedded(id)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

class EmbeddedSource {
  constructor() {
    this.described = JSON.parse(document.getElementById("state").textContent);
    this.audioUrl = URL.createObjectURL(new Blob([embedded("audio")], { type: "audio/ogg" }));
    this.parts = new Map();
  }

  async state() {
    return this.described;
  }

  async bytes(part, from, to) {
    if (!this.parts.has(part)) this.parts.set(part, inflated(part));
    return (await this.parts.get(part)).slice(from, to);
  }
}

async function main() {
  const byId = (id) => document.getElementById(id);
  const source = new EmbeddedSource();
  const track = new Track(source, source.described);
  byId("tracks").remove();
  byId("open").remove();
  byId("export").remove();
  byId("desk").hidden = byId("transport").hidden = false;
  byId("about").textContent = `${track.state.name} · ${clock(track.seconds)}`;
  document.title = track.state.name;
  const desk = new Desk(track, byId("desk"), byId("transport"));
  desk.onerror = (message) => {
    byId("alert").textContent = message;
    byId("alert").hidden = false;
  };
  listenToKeys(() => desk, { export: () => {} });
  await track.update();
}

main();
