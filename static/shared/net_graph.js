// @ts-check
/**
 * The net graph: what the network did in the last ten seconds, drawn and in figures, and knobs that make it worse.
 *
 * A page gives it a client and the bad line that the client plays over; a button or F3 opens it. It is fed while it is
 * closed too, so that whoever opens it sees what has just happened. Drawn ten times a second, told in words twice.
 */

import { parseConditions } from "../client/conditions.js";
import { byId, make } from "./dom.js";
import { COLUMNS, NetSamples } from "./net_samples.js";

/** @typedef {import("../client/client.js").GameClient} GameClient */
/** @typedef {import("../client/bad_line.js").BadLine} BadLine */
/** @typedef {Parameters<NetSamples["largest"]>[0]} Name */

const DRAW_EVERY_MS = 100;
const TELL_EVERY_MS = 500;
const LANE_HEIGHT = 36;
const LANE_GAP = 6;
const CYAN = "#5fd0ff";
const AMBER = "#ffb648";
const CORAL = "#ff7468";
const MINT = "#5fe3a1";
const FAINT = "#3d4b6b";

/**
 * @typedef {object} Lane
 * @property {string} title
 * @property {number} least what the full height stands for at least
 * @property {[name: Name, colour: string, style: "line" | "bars"][]} plots the first gives the scale
 * @property {Name} [alarm] columns to mark
 * @property {(stats: GameClient["stats"], samples: NetSamples) => string} tell
 */

/** @param {number} ms */
const shownMs = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
/** @param {number} bytes a second */
const shownRate = (bytes) => (bytes < 1000 ? `${Math.round(bytes)} B/s` : `${(bytes / 1000).toFixed(1)} kB/s`);

/** @type {Lane[]} */
const LANES = [
  {
    title: "Round trip",
    least: 50,
    plots: [["rtt", CYAN, "line"], ["jitter", AMBER, "line"]],
    tell: (stats) => `${shownMs(stats.rttMs)}, jitter ${shownMs(stats.jitterMs)}`,
  },
  {
    title: "Server tick",
    least: 10,
    plots: [["late", MINT, "line"]],
    tell: (stats, samples) => `${shownMs(stats.serverLateMs)} late, up to ${shownMs(samples.largest("late"))}`,
  },
  {
    title: "Snapshots",
    least: 100,
    plots: [["gap", CYAN, "bars"]],
    tell: (stats, samples) => `${Math.round(stats.statesPerSecond)} a second, gap up to ${shownMs(samples.largest("gap"))}`,
  },
  {
    title: "Interpolation",
    least: 100,
    plots: [["delay", CYAN, "line"]],
    alarm: "starved",
    tell: (stats, samples) => `${shownMs(stats.interpolationMs)} behind, starved ${(samples.count("starved") / 40).toFixed(1)} s`,
  },
  {
    title: "Inputs waiting",
    least: 4,
    plots: [["depth", MINT, "line"], ["target", FAINT, "line"]],
    alarm: "missing",
    tell: (stats, samples) => `${stats.inputDepth} of ${stats.inputDepthTarget.toFixed(1)} wanted, ${samples.sum("missing")} missing`,
  },
  {
    title: "Corrections",
    least: 8,
    plots: [["correction", CORAL, "bars"]],
    tell: (_, samples) => `${samples.count("correction")}, largest ${samples.largest("correction").toFixed(1)} px`,
  },
  {
    title: "Bytes",
    least: 4000,
    plots: [["bytesIn", CYAN, "line"], ["bytesOut", AMBER, "line"]],
    tell: (stats) => `${shownRate(stats.bytesInPerSecond)} in, ${shownRate(stats.bytesOutPerSecond)} out`,
  },
  {
    title: "Frame time",
    least: 34,
    plots: [["frame", MINT, "line"]],
    tell: (stats, samples) => `${Math.round(stats.framesPerSecond)} a second, up to ${shownMs(samples.largest("frame"))}`,
  },
];

/** @typedef {{ name: string, label: string, options: [text: string, words: string][] }} Knob */

/** @type {Knob[]} */
const KNOBS = [
  { name: "delay", label: "Delay", options: [["", "none"], ["delay:25", "25 ms"], ["delay:50", "50 ms"], ["delay:100", "100 ms"], ["delay:200", "200 ms"], ["delay:400", "400 ms"]] },
  { name: "jitter", label: "Jitter", options: [["", "none"], ["jitter:10", "10 ms"], ["jitter:30", "30 ms"], ["jitter:100", "100 ms"], ["jitter:250", "250 ms"]] },
  { name: "stall", label: "Stalls", options: [["", "none"], ["stall:300/10000", "0.3 s in 10"], ["stall:1000/10000", "1 s in 10"], ["stall:3000/20000", "3 s in 20"]] },
  { name: "rate", label: "Bandwidth", options: [["", "all"], ["rate:20000", "20 kB/s"], ["rate:6000", "6 kB/s"], ["rate:2000", "2 kB/s"]] },
  { name: "drop", label: "Cuts", options: [["", "none"], ["drop:500/20000", "every 20 s"], ["drop:3000/30000", "3 s in 30"]] },
];

export class NetGraph {
  #client;
  #line;
  #samples = new NetSamples();
  #button;
  #panel;
  #canvas = make("canvas", "net-canvas");
  #figures = LANES.map(() => make("dd", ""));
  #note = make("p", "net-note");
  /** @type {HTMLSelectElement[]} */
  #selects = [];
  #drawnAtMs = -Infinity;
  #toldAtMs = -Infinity;
  /** Mean time that a picture costs, in ms; for whoever asks. */
  costMs = 0;

  /**
   * @param {GameClient} client
   * @param {BadLine} line that the client plays over
   * @param {{ button: string, box: string, net: string | null }} page ids of the button and of the empty section; the address's `net`
   */
  constructor(client, line, { button, box, net }) {
    this.#client = client;
    this.#line = line;
    this.#button = byId(button, HTMLButtonElement);
    this.#panel = byId(box, HTMLElement);
    this.#build();
    client.on("state", () => this.#samples.arrival(performance.now()));
    client.on("correction", ({ size }) => this.#samples.correction(size, performance.now()));
    this.#button.addEventListener("click", () => this.toggle());
    window.addEventListener("keydown", (event) => {
      if (event.key !== "F3" || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.toggle();
    });
    if (net !== null) this.#apply(net);
  }

  #build() {
    this.#canvas.setAttribute("aria-hidden", "true"); // the figures beside it say the same
    const rows = LANES.map(({ title }, i) => make("div", "", make("dt", "", title), this.#figures[i]));
    const lanes = make("div", "net-lanes", this.#canvas, make("dl", "net-figures", ...rows));
    const knobs = make("div", "net-knobs", ...KNOBS.map((knob) => this.#makeKnob(knob)));
    const close = make("button", "net-close", "\u00d7");
    close.type = "button";
    close.setAttribute("aria-label", "Close the net graph");
    close.addEventListener("click", () => this.toggle());
    this.#panel.replaceChildren(
      make("div", "net-head", make("h2", "", "Network"), make("span", "net-span", "last 10 s"), close),
      lanes,
      make("h3", "", "Make it worse, each way"),
      knobs,
      this.#note,
    );
    this.#note.setAttribute("role", "status");
    this.#panel.hidden = true;
  }

  /** @param {Knob} knob */
  #makeKnob({ label, options }) {
    const select = make("select", "", ...options.map(([text, words]) => {
      const option = make("option", "", words);
      option.value = text;
      return option;
    })); // prettier-ignore
    select.addEventListener("change", () => this.#apply(this.#selects.map(({ value }) => value).filter(Boolean).join()));
    this.#selects.push(select);
    return make("label", "net-knob", make("span", "", label), select);
  }

  /** Play under other conditions. @param {string} text of the grammar of conditions.js */
  #apply(text) {
    try {
      this.#line.set(parseConditions(text));
    } catch (error) {
      this.#note.textContent = error instanceof Error ? error.message : "";
      if (this.#panel.hidden) this.toggle();
      return;
    }
    const parts = text.split(",").map((part) => part.trim());
    KNOBS.forEach(({ name, options }, i) => {
      const part = parts.find((each) => each.startsWith(`${name}:`)) ?? "";
      if (!options.some(([known]) => known === part)) {
        const option = make("option", "", part.slice(name.length + 1));
        option.value = part;
        this.#selects[i].append(option);
      }
      this.#selects[i].value = part;
    });
    this.#note.textContent = parts.some(Boolean) ? `In the address: ?net=${parts.join(",")}` : "";
  }

  toggle() {
    this.#panel.hidden = !this.#panel.hidden;
    this.#button.setAttribute("aria-pressed", String(!this.#panel.hidden));
    this.#button.blur(); // so that a key of the game does not press it again
    this.#drawnAtMs = this.#toldAtMs = -Infinity;
  }

  /** Note this picture; to be called once a frame. @param {number} nowMs on the clock of performance.now */
  frame(nowMs) {
    const startedMs = performance.now();
    const { stats } = this.#client;
    this.#samples.frame(stats, nowMs);
    if (!this.#panel.hidden) {
      if (nowMs - this.#drawnAtMs >= DRAW_EVERY_MS) this.#draw(nowMs);
      if (nowMs - this.#toldAtMs >= TELL_EVERY_MS) this.#tell(stats, nowMs);
    }
    this.costMs += (performance.now() - startedMs - this.costMs) / 200;
  }

  /** @param {GameClient["stats"]} stats @param {number} nowMs */
  #tell(stats, nowMs) {
    this.#toldAtMs = nowMs;
    LANES.forEach(({ tell }, i) => {
      const text = tell(stats, this.#samples);
      if (this.#figures[i].textContent !== text) this.#figures[i].textContent = text;
    });
  }

  /** @param {number} nowMs */
  #draw(nowMs) {
    this.#drawnAtMs = nowMs;
    const ratio = window.devicePixelRatio || 1;
    const width = this.#canvas.clientWidth;
    const height = LANES.length * (LANE_HEIGHT + LANE_GAP) - LANE_GAP;
    const context = this.#canvas.getContext("2d");
    if (!context || width === 0) return;
    if (this.#canvas.width !== Math.round(width * ratio) || this.#canvas.height !== Math.round(height * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    LANES.forEach((lane, i) => this.#drawLane(context, lane, i * (LANE_HEIGHT + LANE_GAP), width));
  }

  /** @param {CanvasRenderingContext2D} context @param {Lane} lane @param {number} top @param {number} width */
  #drawLane(context, { plots, least, alarm }, top, width) {
    const step = width / COLUMNS;
    const scale = LANE_HEIGHT / (Math.max(least, ...plots.map(([name]) => this.#samples.largest(name))) * 1.05);
    context.fillStyle = "rgb(130 155 210 / 8%)";
    context.fillRect(0, top, width, LANE_HEIGHT);
    if (alarm) this.#drawBars(context, alarm, "rgb(255 116 104 / 55%)", top, step, Infinity);
    for (const [name, colour, style] of [...plots].reverse()) {
      if (style === "bars") this.#drawBars(context, name, colour, top, step, scale);
      else this.#drawLine(context, name, colour, top, step, scale);
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {Name} name @param {string} colour @param {number} top @param {number} step @param {number} scale */
  #drawBars(context, name, colour, top, step, scale) {
    const { series, newest } = this.#samples;
    context.fillStyle = colour;
    for (let i = 0; i < COLUMNS; i++) {
      const value = series[name][(newest + 1 + i) % COLUMNS];
      if (value === 0) continue;
      const bar = Math.min(LANE_HEIGHT, Math.max(1, value * scale));
      context.fillRect(i * step, top + LANE_HEIGHT - bar, Math.max(1, step), bar);
    }
  }

  /** Columns without a picture keep the value before. @param {CanvasRenderingContext2D} context @param {Name} name @param {string} colour @param {number} top @param {number} step @param {number} scale */
  #drawLine(context, name, colour, top, step, scale) {
    const { series, newest } = this.#samples;
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.beginPath();
    for (let i = 0; i < COLUMNS; i++) {
      const place = (newest + 1 + i) % COLUMNS;
      if (series.frame[place] === 0) continue;
      context.lineTo(i * step, top + LANE_HEIGHT - Math.min(LANE_HEIGHT, series[name][place] * scale));
    }
    context.stroke();
  }
}
