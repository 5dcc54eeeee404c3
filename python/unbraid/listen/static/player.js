// Sound: one element plays one file that holds all stems as channels, so they cannot drift. A splitter takes the
// channels apart, each stem has a gain, and the sum is heard.

const FADE_SECONDS = 0.012; // the time constant of a fader's way: no click, no delay
const METER_SAMPLES = 2048;

export class Player extends EventTarget {
  constructor(url, stems, stemChannels, headroom) {
    super();
    this.stems = stems;
    this.stemChannels = stemChannels;
    this.headroom = headroom;
    this.gains = new Array(stems).fill(1);
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.audio.src = url;
    for (const kind of ["play", "pause", "seeked", "timeupdate", "waiting", "playing", "ended", "error"]) {
      this.audio.addEventListener(kind, () => this.dispatchEvent(new Event(kind)));
    }
  }

  get time() {
    return this.audio.currentTime;
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  async play() {
    this.#connect();
    await this.context.resume();
    await this.audio.play();
  }

  pause() {
    this.audio.pause();
  }

  seek(seconds) {
    this.audio.currentTime = seconds;
  }

  /** Linear gains, one a stem; heard at once. */
  setGains(gains) {
    this.gains = gains;
    this.nodes?.forEach((node, stem) => {
      node.gain.setTargetAtTime(gains[stem], this.context.currentTime, FADE_SECONDS);
    });
  }

  /** The highest sample of each stem, and of the sum as the last one, in the moment. */
  peaks() {
    if (!this.meters) return new Array(this.stems + 1).fill(0);
    return this.meters.map((meter, index) => {
      meter.getFloatTimeDomainData(this.samples);
      let peak = 0;
      for (const sample of this.samples) peak = Math.max(peak, Math.abs(sample));
      return index < this.stems ? peak / this.headroom : peak;
    });
  }

  close() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    this.context?.close();
  }

  /** Browsers let a page make sound only once somebody has touched it. */
  #connect() {
    if (this.context) return;
    this.context = new AudioContext({ latencyHint: "interactive" });
    const { context, stemChannels } = this;
    const splitter = new ChannelSplitterNode(context, { numberOfOutputs: this.stems * stemChannels });
    const sum = new GainNode(context, { gain: 1 / this.headroom });
    this.samples = new Float32Array(METER_SAMPLES);
    const meter = () => new AnalyserNode(context, { fftSize: METER_SAMPLES });
    this.nodes = this.gains.map((gain, stem) => {
      const merger = new ChannelMergerNode(context, { numberOfInputs: stemChannels });
      for (let channel = 0; channel < stemChannels; channel++) {
        splitter.connect(merger, stem * stemChannels + channel, channel);
      }
      const node = new GainNode(context, { gain });
      merger.connect(node).connect(sum);
      return node;
    });
    this.meters = [...this.nodes.map((node) => node.connect(meter())), sum.connect(meter())];
    context.createMediaElementSource(this.audio).connect(splitter);
    sum.connect(context.destination);
  }
}
