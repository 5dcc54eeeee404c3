// The page: which file is shown, how far it is, and new files that are dropped on it.

import { Desk } from "./desk.js";
import { clock } from "./elements.js";
import { ExportDialog } from "./export.js";
import { listenToKeys } from "./keys.js";
import { LiveSource, request } from "./source.js";
import { Track } from "./track.js";

const POLL_MS = 400;
const byId = (id) => document.getElementById(id);
const exportDialog = new ExportDialog(byId("export-dialog"));
let desk = null;

function alertUser(message) {
  byId("alert").textContent = message;
  byId("alert").hidden = !message;
}

/** Tells what goes on, a screen reader too: only when it is something else than before. */
function say(message) {
  if (byId("status").textContent !== message) byId("status").textContent = message;
}

async function show(id) {
  const source = new LiveSource(id);
  await source.start();
  const track = new Track(source, await source.state());
  desk?.close();
  byId("empty").hidden = true;
  byId("desk").hidden = byId("transport").hidden = false;
  byId("export").disabled = false;
  desk = new Desk(track, byId("desk"), byId("transport"));
  desk.onerror = alertUser;
  document.title = `${track.state.name} – Unbraid`;
  byId("about").textContent =
    `${clock(track.seconds)} · ${track.state.sample_rate / 1000} kHz · ` +
    `${["", "mono", "stereo"][track.state.channels] ?? `${track.state.channels} channels`}`;
  history.replaceState(null, "", `#${id}`);
  await watch(track);
}

/** Follows a track until all of it is there, or another one is shown. */
async function watch(track) {
  let failures = 0;
  while (desk?.track === track) {
    try {
      await track.update();
      failures = 0;
    } catch (error) {
      if (++failures === 3) alertUser(error.message);
    }
    if (desk?.track !== track) return;
    const { state } = track;
    const part = track.seconds ? state.done_seconds / track.seconds : 1;
    byId("progress").hidden = track.over;
    byId("progress").value = part;
    say(track.over ? (state.error ? "" : "Separated.") : "Separating…");
    byId("detail").textContent = track.over
      ? ""
      : `${Math.floor(part * 100)} %, to be played up to ${clock(track.playable)}`;
    if (state.error) alertUser(`${state.name}: ${state.error}`);
    else if (state.warnings.length) alertUser(`${state.name}: ${state.warnings.join("; ")}`);
    if (track.over) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS * (failures ? 8 : 1)));
  }
}

async function listTracks() {
  const tracks = await request("tracks");
  const select = byId("tracks");
  select.replaceChildren(...tracks.map(({ id, name }) => new Option(name, id)));
  select.hidden = !tracks.length;
  return tracks;
}

async function choose(id) {
  alertUser("");
  byId("tracks").value = id;
  try {
    await show(id);
  } catch (error) {
    alertUser(error.message);
  }
}

async function receive(files) {
  for (const file of files) {
    alertUser("");
    say(`Opening ${file.name}…`);
    try {
      const name = encodeURIComponent(file.name);
      const { id } = await request(`tracks?name=${name}`, { method: "POST", body: file });
      await listTracks();
      choose(id);
    } catch (error) {
      say("");
      alertUser(error.message);
    }
  }
}

function takeFiles() {
  const drop = byId("drop");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) drop.hidden = ++depth === 0;
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) drop.hidden = --depth <= 0;
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    drop.hidden = true;
    receive(event.dataTransfer.files);
  });
  byId("open").onclick = byId("choose").onclick = () => byId("file").click();
  byId("file").onchange = () => {
    receive([...byId("file").files]);
    byId("file").value = "";
  };
}

async function main() {
  const openExport = () => desk && exportDialog.open(desk.track, desk.mixer);
  takeFiles();
  listenToKeys(() => desk, { export: openExport });
  byId("export").onclick = openExport;
  byId("tracks").onchange = () => choose(byId("tracks").value);
  try {
    const tracks = await listTracks();
    const asked = tracks.find(({ id }) => String(id) === location.hash.slice(1));
    if (tracks.length) await choose((asked ?? tracks[0]).id);
    else byId("empty").hidden = false;
  } catch (error) {
    alertUser(error.message);
  }
}

main();
