// @ts-check
/** Everything beside the tables: verdict, tiles with their lines, phases of a tick, and the lists at the side. */
import { byId, make } from "/static/shared/dom.js";
import { bytes, bytesText, duration, ms, percent, title, whole } from "/static/admin/format.js";
import { Sparkline } from "/static/admin/sparkline.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {[string, string]} Shown number and unit */

/**
 * `late` and `bad`: from which value on it is marked; the verdict itself is the server's.
 * @type {{name: string, label: string, hint: string, top: number, strained?: number, say: (value: number) => Shown}[]}
 */
const TILES = [
  { name: "late_ms_p99", label: "Ticks late, p99", hint: "How late ticks began, last 5 s", top: 5, strained: 15, say: (v) => [ms(v), "ms"] },
  { name: "tick_ms_p99", label: "Tick time, p99", hint: "How long a tick of a room took, last 5 s", top: 2, say: (v) => [ms(v), "ms"] },
  { name: "loop_lag_ms", label: "Event-loop lag", hint: "Longest delay of a timer in the last second", top: 10, strained: 100, say: (v) => [ms(v), "ms"] },
  { name: "cpu_percent", label: "CPU of one core", hint: "Of this process", top: 20, strained: 85, say: (v) => [percent(v), "%"] },
  { name: "players", label: "Players", hint: "Seats taken", top: 4, say: (v) => [whole(v), ""] },
  { name: "memory_bytes", label: "Memory", hint: "Resident", top: 1, say: bytes },
  { name: "bytes_out_s", label: "Out", hint: "Payload bytes a second to players", top: 1000, say: (v) => pace(v) },
  { name: "bytes_in_s", label: "In", hint: "Payload bytes a second from players", top: 1000, say: (v) => pace(v) },
];
const PHASES = ["inputs", "step", "snapshot", "encode", "send"];

/** @param {number} value @returns {Shown} */
function pace(value) {
  const [number, unit] = bytes(value);
  return [number, `${unit}/s`];
}

export class Panels {
  /** @param {(room: string) => void} onRoom called to look into a room that the verdict names */
  constructor(onRoom) {
    this.onRoom = onRoom;
    this.spokenVerdict = "";
    this.tiles = TILES.map((tile) => this.makeTile(tile));
    byId("tiles", HTMLElement).append(...this.tiles.map((tile) => tile.element));
    this.phases = PHASES.map((name) => {
      const bar = make("span", `phase phase-${name}`);
      const number = make("span", "number", "–");
      byId("phase-bar", HTMLElement).append(bar);
      byId("phase-legend", HTMLElement).append(make("li", `phase-${name}`, title(name), " ", number));
      return { name, bar, number };
    });
  }

  /** @param {typeof TILES[number]} tile */
  makeTile(tile) {
    const line = new Sparkline(tile.label, tile.top);
    const number = make("span", "tile-number", "–");
    const unit = make("span", "tile-unit");
    const element = make("article", "tile panel", make("h3", "tile-label", tile.label), make("p", "tile-value number", number, unit));
    element.title = tile.hint;
    element.append(line.element);
    return { ...tile, line, number, unit, element };
  }

  /** @param {Model} model @param {number} nowMs */
  draw(model, nowMs) {
    this.drawVerdict(model);
    this.drawTiles(model);
    this.drawPhases(model);
    drawFigures("closes", model.closes, () => "");
    drawFigures("counters", model.counters, (name) => rateText(model.rates[name] ?? 0));
    drawCrashes(model, nowMs);
    drawActs(model);
    byId("server-facts", HTMLElement).textContent = `up ${duration(model.process.uptime_s)} · pid ${model.server.pid} · Python ${model.server.python}`;
    byId("footnote", HTMLElement).textContent = `Watching costs the server ${model.adminPercent.toFixed(2)} % of a core, and nothing when no such page is open.`;
  }

  /** @param {Model} model */
  drawVerdict(model) {
    const { verdict, process } = model;
    const facts = [
      `${whole(process.players)} players`,
      `${whole(process.rooms)} rooms`,
      `${whole(process.connections)} of ${whole(model.server.connections_max)} connections`,
    ];
    byId("verdict-facts", HTMLElement).textContent = facts.join(" · ");
    // What is live is spoken: it is touched only when it says something else, so that numbers do not chatter.
    const spoken = [verdict.title, ...verdict.reasons.map((reason) => reason.text)].join("\n");
    if (spoken === this.spokenVerdict) return;
    this.spokenVerdict = spoken;
    byId("verdict", HTMLElement).dataset.level = verdict.level;
    byId("verdict-title", HTMLElement).textContent = verdict.title;
    document.title = verdict.level === "good" ? "Admin" : `${verdict.title} · Admin`;
    const reasons = verdict.reasons.map((reason, index) => this.makeReason(model, reason, index));
    byId("reasons", HTMLElement).replaceChildren(...(reasons.length ? reasons : [make("li", "", "Every tick is on time.")]));
  }

  /** @param {Model} model @param {import("./model.js").Reason} reason @param {number} index */
  makeReason(model, reason, index) {
    const item = make("li", "", reason.text);
    if (reason.room === null) return item;
    const look = make("button", "link", "look into it");
    look.type = "button";
    look.addEventListener("click", () => {
      const room = model.verdict.reasons[index]?.room; // which one it is may change while the words stay
      if (room) this.onRoom(room);
    });
    item.append(" ", look);
    return item;
  }

  /** @param {Model} model */
  drawTiles(model) {
    const atS = model.history.at_s ?? [];
    for (const tile of this.tiles) {
      const value = model.process[tile.name];
      const [number, unit] = value === undefined ? ["–", ""] : tile.say(value);
      tile.number.textContent = number;
      tile.unit.textContent = unit;
      tile.element.dataset.mark = tile.strained !== undefined && (value ?? 0) > tile.strained ? "strained" : "";
      tile.line.draw(atS, model.history[tile.name] ?? [], (sample) => tile.say(sample).join(" "));
    }
  }

  /** @param {Model} model */
  drawPhases(model) {
    const sum = PHASES.reduce((total, name) => total + (model.phases[name] ?? 0), 0);
    for (const phase of this.phases) {
      const value = model.phases[phase.name] ?? 0;
      phase.bar.style.flexGrow = String(sum ? value / sum : 0);
      phase.number.textContent = sum ? `${value.toFixed(3)} ms` : "–";
    }
  }
}

/** @param {number} rate */
function rateText(rate) {
  return rate > 0 ? `+${whole(Math.max(rate, 1))}` : "";
}

/**
 * Show figures as a list; those that are 0 stay out of it, so that what happened stands out.
 * @param {string} id
 * @param {Record<string, number>} figures
 * @param {(name: string) => string} note
 */
function drawFigures(id, figures, note) {
  const list = byId(id, HTMLElement);
  const rows = Object.entries(figures).filter(([, number]) => number > 0);
  const known = new Map([...list.children].map((row) => [row.getAttribute("data-name"), row]));
  const fresh = rows.map(([name, number]) => {
    const row = known.get(name) ?? makeFigure(name);
    const text = name.startsWith("bytes") ? bytesText(number) : whole(number);
    setText(row.querySelector("dd"), text);
    const rate = note(name);
    setText(row.querySelector("dd + dd"), name.startsWith("bytes") ? "" : rate);
    return row;
  });
  if (fresh.length !== list.children.length || fresh.some((row, index) => list.children[index] !== row)) list.replaceChildren(...fresh);
  const empty = document.getElementById(`${id}-empty`);
  if (empty) empty.hidden = rows.length > 0;
}

/** @param {string} name */
function makeFigure(name) {
  const row = make("div", "figure", make("dt", "", title(name)), make("dd", "number"), make("dd", "number rate"));
  row.dataset.name = name;
  return row;
}

/** @param {Element | null} element @param {string} text */
function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** @param {Model} model @param {number} nowMs */
function drawCrashes(model, nowMs) {
  const sinceS = (nowMs - model.crashesAtMs) / 1000;
  byId("crashes-empty", HTMLElement).hidden = model.crashes.length > 0;
  byId("crashes", HTMLElement).replaceChildren(
    ...model.crashes.map((crash) =>
      make(
        "li",
        "is-bad",
        make("p", "log-head", make("strong", "", crash.game), ` ${duration(crash.ago_s + sinceS)} ago`),
        make("code", "", crash.error),
        make("p", "log-facts number", `tick ${crash.tick} · seed ${crash.seed} · ${crash.room}`),
      ),
    ),
  );
}

/** @param {Model} model */
function drawActs(model) {
  byId("acts-empty", HTMLElement).hidden = model.acts.length > 0;
  byId("acts", HTMLElement).replaceChildren(
    ...model.acts.map((act) =>
      make(
        "li",
        act.ok ? "" : "is-refused",
        make("p", "", act.text),
        make("p", "log-facts number", `${new Date(act.at_unix_s * 1000).toLocaleTimeString()} · ${act.by}${act.ok ? "" : " · refused"}`),
      ),
    ),
  );
}
