// Where a track's audio and pictures come from: the server, or what a report holds in itself.

/** The server's answer to a request as JSON; throws an Error with its sentence. */
export async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("Unbraid does not answer. Is it still running in the terminal?");
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

export class LiveSource {
  constructor(id) {
    this.id = id;
    this.path = `tracks/${id}`;
    this.audioUrl = `${this.path}/audio.wav`;
    this.exports = true;
  }

  start() {
    return request(`${this.path}/start`, { method: "POST" });
  }

  state() {
    return request(this.path);
  }

  /** The bytes of one of the track's pictures from `from` up to `to`, as far as they are there. */
  async bytes(part, from, to) {
    const response = await fetch(`${this.path}/${part}?from=${from}&to=${to}`);
    if (!response.ok) throw new Error(`${part}: ${response.status}`);
    return response.arrayBuffer();
  }

  /** Begins an export; `what` is "remix", "stems" or a stem's name. */
  async export(what, gains_db, format, bit_depth) {
    const body = JSON.stringify({ what, gains_db, format, bit_depth });
    return (await request(`${this.path}/exports`, { method: "POST", body })).id;
  }
}
