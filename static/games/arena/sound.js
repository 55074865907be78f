// @ts-check
/** Small sounds, made rather than loaded. Silent until the player's first gesture, as browsers ask, and while muted. */

const KEY = "arena-sound";
const EARSHOT = 1300;
const VOLUME = 0.16;
const VOICES_MAX = 14;

export class Sound {
  constructor() {
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {GainNode | null} */
    this.out = null;
    /** @type {AudioBuffer | null} */
    this.noise = null;
    this.voices = 0;
    this.on = readWish();
    const wake = () => {
      if (this.on) this.start();
    };
    window.addEventListener("pointerdown", wake);
    window.addEventListener("keydown", wake);
  }

  toggle() {
    this.on = !this.on;
    try {
      localStorage.setItem(KEY, this.on ? "on" : "off");
    } catch {
      // refused: asked again next time
    }
    if (this.on) this.start();
    else void this.context?.suspend();
  }

  start() {
    if (!this.context) {
      const context = new AudioContext();
      this.context = context;
      this.out = context.createGain();
      this.out.gain.value = VOLUME;
      this.out.connect(context.destination);
      this.noise = context.createBuffer(1, context.sampleRate / 2, context.sampleRate);
      const samples = this.noise.getChannelData(0);
      for (let i = 0; i < samples.length; i += 1) samples[i] = Math.random() * 2 - 1;
    }
    if (this.context.state === "suspended") void this.context.resume();
  }

  /**
   * Play what fits a happening.
   * @param {import("./scene.js").Happening} happening
   * @param {boolean} own
   * @param {number} distance from the middle of the picture
   */
  play(happening, own, distance) {
    if (!this.on || this.context?.state !== "running" || distance > EARSHOT) return;
    const loud = own ? 1 : 0.55 * (1 - distance / EARSHOT);
    switch (happening.what) {
      case "fired":
        return this.tone(own ? 660 : 520, 190, 0.09, loud * 0.5, "square");
      case "beamed":
        this.tone(own ? 1500 : 1200, 90, 0.28, loud * 0.7, "sawtooth");
        return this.burst(5200, 0.18, loud * 0.7);
      case "hurt":
        return this.burst(1800, 0.08, loud * 0.8);
      case "died":
        this.burst(420, 0.6, loud * 1.6);
        return this.tone(150, 38, 0.5, loud, "triangle");
      case "taken":
        this.tone(520, 780, 0.12, loud, "sine");
        return this.tone(780, 1170, 0.2, loud * 0.8, "sine");
      case "spawned":
        return own ? this.tone(220, 660, 0.3, 0.6, "sine") : undefined;
      default:
        return undefined;
    }
  }

  /**
   * @param {number} from Hz
   * @param {number} to Hz
   * @param {number} seconds
   * @param {number} loud
   * @param {OscillatorType} shape
   */
  tone(from, to, seconds, loud, shape) {
    const { context } = this;
    if (!context) return;
    const voice = context.createOscillator();
    voice.type = shape;
    voice.frequency.setValueAtTime(from, context.currentTime);
    voice.frequency.exponentialRampToValueAtTime(to, context.currentTime + seconds);
    this.sing(voice, voice, seconds, loud);
  }

  /**
   * @param {number} cutoff Hz
   * @param {number} seconds
   * @param {number} loud
   */
  burst(cutoff, seconds, loud) {
    const { context, noise } = this;
    if (!context || !noise) return;
    const voice = context.createBufferSource();
    voice.buffer = noise;
    const filter = context.createBiquadFilter();
    filter.type = "lowpass";
    filter.frequency.value = cutoff;
    voice.connect(filter);
    this.sing(voice, filter, Math.min(0.5, seconds), loud);
  }

  /**
   * @param {AudioScheduledSourceNode} voice
   * @param {AudioNode} last
   * @param {number} seconds
   * @param {number} loud
   */
  sing(voice, last, seconds, loud) {
    const { context, out } = this;
    if (!context || !out || this.voices >= VOICES_MAX) return;
    const fade = context.createGain();
    fade.gain.setValueAtTime(Math.max(0.001, loud), context.currentTime);
    fade.gain.exponentialRampToValueAtTime(0.001, context.currentTime + seconds);
    last.connect(fade).connect(out);
    this.voices += 1;
    voice.onended = () => {
      this.voices -= 1;
      fade.disconnect();
    };
    voice.start();
    voice.stop(context.currentTime + seconds);
  }
}

function readWish() {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}
