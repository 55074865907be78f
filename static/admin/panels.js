// @ts-check
/** Everything beside charts and tables: the verdict, players in trouble, and the lists at the side. */
import { byId, make } from "/static/shared/dom.js";
import { actButton, hostOf, shortId } from "/static/admin/columns.js";
import { bytesText, count, duration, moment, ms, title, whole } from "/static/admin/format.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Worker} Worker */
/** @typedef {{look: (room: string, seat?: number) => void, unban: (ban: import("./model.js").Ban) => void, drain: (url: string, players: number) => void}} Ways */

const STATES = { up: "", draining: "is shutting down", silent: "does not answer", gone: "has died" };
const MARKS = { up: "", draining: "is-strained", silent: "is-bad", gone: "is-strained" };

export class Panels {
  /** @param {Ways} ways where a click leads */
  constructor(ways) {
    this.ways = ways;
    this.spokenVerdict = "";
    /** @type {Record<string, unknown>} lists as they were drawn last */
    this.drawn = {};
  }

  /** @param {Model} model */
  draw(model) {
    this.drawVerdict(model);
    this.drawTroubles(model);
    drawFigures("closes", model.closes, () => "");
    drawFigures("counters", model.counters, (name) => rateText(model.rates[name] ?? 0));
    this.drawCrashes(model);
    this.drawActs(model);
    this.drawBans(model);
    this.drawWorkers(model);
    this.drawMachines(model);
    const number = model.workers?.filter((worker) => worker.state !== "gone").length ?? 1;
    const who = number > 1 ? `${number} processes` : `pid ${model.server.pid}`;
    const facts = [`up ${duration(model.process.up_s)}`, who, `Python ${model.server.python}`, `log level ${model.facts.log_level}`];
    byId("server-facts", HTMLElement).textContent = facts.join(" · ");
    byId("footnote", HTMLElement).textContent = `Sampling and showing cost the server ${model.adminPercent.toFixed(2)} % of a core.`;
    byId("drain", HTMLButtonElement).disabled = model.facts.draining;
  }

  /** Whether a list is another one than when it was drawn. @param {string} name @param {unknown} list */
  isNew(name, list) {
    const isNew = this.drawn[name] !== list;
    this.drawn[name] = list;
    return isNew;
  }

  /** @param {Model} model */
  drawVerdict(model) {
    const { verdict, process } = model;
    const facts = [
      count(process.players, "player"),
      count(process.rooms, "room"),
      `${whole(process.connections)} of ${whole(model.facts.connections_max ?? model.server.connections_max)} connections`,
    ];
    byId("verdict-facts", HTMLElement).replaceChildren(...facts.map((fact) => make("span", "", fact)));
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
      if (room) this.ways.look(room);
    });
    item.append(" ", look);
    return item;
  }

  /** @param {Model} model */
  drawTroubles(model) {
    if (!this.isNew("troubles", model.troubles)) return;
    byId("troubles-panel", HTMLElement).hidden = model.troubles.length === 0;
    const list = byId("troubles", HTMLElement);
    const focused = list.querySelector("button:focus")?.getAttribute("data-key");
    list.replaceChildren(
      ...model.troubles.map((trouble) => {
        const name = make("button", "link", trouble.name);
        name.type = "button";
        name.dataset.key = `${trouble.room} ${trouble.seat}`;
        name.setAttribute("aria-label", `Look at ${trouble.name} in ${trouble.game} room ${trouble.room}`);
        name.addEventListener("click", () => this.ways.look(trouble.room, trouble.seat));
        const where = make("span", "log-facts number", ` ${trouble.game} ${shortId(trouble.room)}`);
        return make("li", trouble.score >= 0.5 ? "is-bad" : "is-strained", make("p", "log-head", name, where), make("p", "log-why", trouble.why));
      }),
    );
    for (const button of list.querySelectorAll("button")) if (button.dataset.key === focused) button.focus();
  }

  /** @param {Model} model */
  drawCrashes(model) {
    if (!this.isNew("crashes", model.crashes)) return;
    byId("crashes-empty", HTMLElement).hidden = model.crashes.length > 0;
    byId("crashes", HTMLElement).replaceChildren(
      ...model.crashes.map((crash) =>
        make(
          "li",
          "is-bad",
          make("p", "log-head", make("strong", "", crash.game), ` ${moment(crash.at_unix_s)}`),
          make("code", "", crash.error),
          make("p", "log-facts number", `tick ${crash.tick} · seed ${crash.seed} · ${crash.room}`),
        ),
      ),
    );
  }

  /** @param {Model} model */
  drawActs(model) {
    if (!this.isNew("acts", model.acts)) return;
    byId("acts-empty", HTMLElement).hidden = model.acts.length > 0;
    byId("acts", HTMLElement).replaceChildren(
      ...model.acts.map((act) =>
        make(
          "li",
          act.ok ? "" : "is-bad",
          make("p", "", act.text),
          make("p", "log-facts number", `${moment(act.at_unix_s)} · ${act.by}${act.ok ? "" : ` · ${act.act} refused`}`),
        ),
      ),
    );
  }

  /** @param {Model} model */
  drawBans(model) {
    if (!this.isNew("bans", model.bans)) return;
    byId("bans-empty", HTMLElement).hidden = model.bans.length > 0;
    byId("bans-count", HTMLElement).textContent = `${model.bans.length} of ${whole(model.facts.bans_max)}`;
    byId("bans", HTMLElement).replaceChildren(
      ...model.bans.map((ban) => {
        const lift = actButton("Lift", `Lift the ban of ${ban.name}`, () => this.ways.unban(ban));
        lift.classList.add("operator");
        return make(
          "li",
          "has-act",
          make("p", "log-head", make("strong", "", ban.name), ` ${ban.reason}`),
          make("p", "log-facts number", `${ban.by} ${ban.who} · until ${moment(ban.until_unix_s)}`),
          lift,
        );
      }),
    );
  }

  /** @param {Model} model */
  drawWorkers(model) {
    const { workers } = model;
    if (!workers || !this.isNew("workers", workers)) return;
    byId("workers-panel", HTMLElement).hidden = workers.length < 2;
    byId("workers-count", HTMLElement).textContent = whole(workers.filter((worker) => worker.state === "up").length);
    byId("workers", HTMLElement).replaceChildren(...workers.map(makeWorker));
  }

  /** @param {Model} model */
  drawMachines(model) {
    const { machines } = model;
    if (!machines || !this.isNew("machines", machines)) return;
    byId("machines-panel", HTMLElement).hidden = false;
    byId("machines-empty", HTMLElement).hidden = machines.is_up;
    const list = byId("machines", HTMLElement);
    const focused = list.querySelector(":focus")?.getAttribute("data-key");
    const byUrl = groupBy(machines.nodes);
    byId("machines-count", HTMLElement).textContent = machines.is_up ? whole(byUrl.size) : "";
    list.replaceChildren(...[...byUrl].map(([url, nodes]) => this.makeMachine(url, nodes)));
    for (const element of list.querySelectorAll("[data-key]")) {
      if (element instanceof HTMLElement && element.dataset.key === focused) element.focus();
    }
  }

  /** @param {string} url @param {import("./model.js").Node[]} nodes */
  makeMachine(url, nodes) {
    /** @param {"players" | "rooms" | "load"} name */
    const sum = (name) => nodes.reduce((total, node) => total + node[name], 0);
    const isHere = nodes.some((node) => node.is_here);
    const figures = [count(sum("players"), "player"), count(sum("rooms"), "room"), `${whole(sum("load") * 100)} % of a core`];
    figures.push(nodes.length === 1 ? `process ${nodes[0]?.node ?? ""}` : `${nodes.length} processes`);
    const head = make("p", "log-head", make("strong", "", hostOf(url)), isHere ? " this machine" : "");
    const item = make("li", isHere ? "" : "has-act", head, make("p", "log-facts number", figures.join(" · ")));
    if (isHere) return item;
    const page = pageOf(url);
    if (page) {
      const link = make("a", "link", "its own page", make("span", "visually-hidden", `: the status page of ${hostOf(url)}`));
      link.href = page;
      link.target = "_blank";
      link.rel = "noopener";
      link.dataset.key = `page ${url}`;
      head.append(" ", link);
    }
    const drain = actButton("Shut down", `Shut down ${hostOf(url)}`, () => this.ways.drain(url, sum("players")));
    drain.classList.add("operator");
    drain.dataset.key = `drain ${url}`;
    item.append(drain);
    return item;
  }
}

/** @param {Worker} worker */
function makeWorker(worker) {
  const said = worker.is_here ? "brings this page" : STATES[worker.state];
  const head = make("p", "log-head", make("strong", "number", worker.node), said ? ` ${said}` : "");
  if (worker.pid === undefined) return make("li", MARKS[worker.state], head);
  const figures = [
    count(worker.players, "player"),
    count(worker.rooms, "room"),
    `${whole(worker.cpu_percent)} % of a core`,
    bytesText(worker.memory_bytes),
    `late ${ms(worker.late_ms_p99)} ms`,
    `pid ${worker.pid}`,
  ];
  return make("li", MARKS[worker.state], head, make("p", "log-facts number", figures.join(" · ")));
}

/** Where a machine's own page is; none where its proxy has put it under a path. @param {string} url */
function pageOf(url) {
  const found = /^ws(s?):\/\/([^/]+)\/ws$/.exec(url);
  return found ? `http${found[1]}://${found[2]}/admin` : null;
}

/** @param {import("./model.js").Node[]} nodes */
function groupBy(nodes) {
  /** @type {Map<string, import("./model.js").Node[]>} */
  const groups = new Map();
  for (const node of nodes) groups.set(node.url, [...(groups.get(node.url) ?? []), node]);
  return groups;
}

/** @param {number} rate */
function rateText(rate) {
  return rate > 0 ? `+${whole(Math.max(rate, 1))}` : "";
}

/**
 * Show figures as a list; those that are 0 stay out of it, so that what happened stands out.
 * @param {string} id
 * @param {Record<string, number | null>} figures
 * @param {(name: string) => string} note
 */
function drawFigures(id, figures, note) {
  const list = byId(id, HTMLElement);
  const rows = Object.entries(figures).filter(([, number]) => (number ?? 0) > 0);
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
