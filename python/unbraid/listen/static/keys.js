// The keyboard: space, arrows, 1 to 9, and letters that say what they do.

const OWN_KEYS = "input:not([type=range]), select, textarea, dialog *";

export function listenToKeys(desk, actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(OWN_KEYS)) return;
    if (act(desk(), actions, event)) event.preventDefault();
  });
}

function act(desk, actions, event) {
  const onRange = event.target.matches("input[type=range]"); // whose arrows move it
  const onButton = event.target.matches("button"); // which space presses
  if (!desk) return false;
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  if (digit && digit <= desk.track.stems.length) {
    const stem = digit - 1;
    const what = event.shiftKey ? "mute" : "solo";
    desk.mixer.set(stem, { [what]: !desk.mixer.channels[stem][what] });
    return true;
  }
  switch (event.key) {
    case " ":
      if (onButton) return false;
      desk.toggle();
      return true;
    case "ArrowLeft":
    case "ArrowRight":
      if (onRange) return false;
      desk.seek(desk.player.time + (event.key === "ArrowLeft" ? -5 : 5));
      return true;
    case "Home":
      if (onRange) return false;
      desk.seek(0);
      return true;
    case "End":
      if (onRange) return false;
      desk.seek(desk.track.seconds);
      return true;
    case "o":
      desk.mixer.compare({ original: !desk.mixer.original });
      return true;
    case "e":
      actions.export();
      return true;
    case "+":
    case "=":
      desk.zoom(0.5);
      return true;
    case "-":
      desk.zoom(2);
      return true;
    default:
      return false;
  }
}
