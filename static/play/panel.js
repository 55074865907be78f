// @ts-check
/** The state in figures: the room's fields, what is one's own, who leads. Rows stay and only their texts change. */

import { make } from "../shared/dom.js";
import { shown } from "./keys.js";

/**
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").SchemaInfo} SchemaInfo
 * @typedef {import("../client/replica.js").State} State
 */

const EVERY_MS = 100;
const OWN_MAX = 4;
const LEADERS = 8;
const TEXT_MAX = 120;

/**
 * Return a value in words. A number of a field keeps its decimals, so that the figures stand still.
 *
 * @param {unknown} value
 * @param {import("./plan.js").FieldInfo} [field]
 */
export function shownValue(value, field) {
  const whole = field ? field.kind.includes("int") || (field.step ?? 0) >= 1 : Number.isInteger(value);
  if (typeof value === "number") return value.toFixed(whole ? 0 : 2);
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}\u2026` : text;
}

export class Panel {
  #box;
  /** @type {Table[]} */
  #tables = [];
  #shownMs = -Infinity;
  /** @type {SchemaInfo | null} */
  #schema = null;
  /** @type {Plan | null} */
  #plan = null;

  /** @param {HTMLElement} box */
  constructor(box) {
    this.#box = box;
  }

  /** @param {SchemaInfo} schema @param {Plan} plan */
  show(schema, plan) {
    this.#schema = schema;
    this.#plan = plan;
  }

  /**
   * @param {import("../client/replica.js").Replica} replica
   * @param {number} timeMs
   */
  update(replica, timeMs) {
    if (timeMs - this.#shownMs < EVERY_MS || !this.#schema || !this.#plan) return;
    this.#shownMs = timeMs;
    const sections = [...this.#own(replica, this.#schema), ...this.#leaders(replica, this.#plan)];
    if (this.#schema.room.fields.length > 0) {
      sections.unshift({ title: "Room", rows: rowsOf(this.#schema.room.fields, replica.room) });
    }
    while (this.#tables.length > sections.length) this.#tables.pop()?.element.remove();
    while (this.#tables.length < sections.length) {
      const table = new Table();
      this.#tables.push(table);
      this.#box.append(table.element);
    }
    sections.forEach((section, index) => this.#tables[index].update(section));
  }

  /**
   * @param {import("../client/replica.js").Replica} replica
   * @param {SchemaInfo} schema
   */
  #own(replica, schema) {
    /** @type {Section[]} */
    const sections = [];
    for (const type of schema.types) {
      for (const state of replica.all(type.name)) {
        if (!replica.own.has(state.id) || sections.length >= OWN_MAX) continue;
        sections.push({ title: `Your ${type.name}`, rows: rowsOf(type.fields, state) });
      }
    }
    return sections;
  }

  /**
   * @param {import("../client/replica.js").Replica} replica
   * @param {Plan} plan
   * @returns {Section[]}
   */
  #leaders(replica, plan) {
    return plan.ranked.map(({ name, label, score }) => {
      const states = [...replica.all(name)].sort((a, b) => b[score ?? ""] - a[score ?? ""] || a.id - b.id);
      const rows = states.slice(0, LEADERS).map((state) => ({
        name: String(state[label ?? ""]),
        value: shownValue(state[score ?? ""]),
        own: replica.own.has(state.id),
      }));
      return { title: `Best ${shown(score ?? "")}`, rows };
    });
  }
}

/**
 * @typedef {{name: string, value: string, own?: boolean}} Line
 * @typedef {{title: string, rows: Line[]}} Section
 */

/**
 * @param {import("./plan.js").FieldInfo[]} fields
 * @param {State} state
 * @returns {Line[]}
 */
function rowsOf(fields, state) {
  return fields.map((field) => ({ name: shown(field.name), value: shownValue(state[field.name], field) }));
}

class Table {
  #title = make("h2", "eyebrow");
  #list = make("dl", "facts");
  /** @type {{row: HTMLElement, name: HTMLElement, value: HTMLElement}[]} */
  #rows = [];
  element = make("section", "facts-box", this.#title, this.#list);

  /** @param {Section} section */
  update({ title, rows }) {
    setText(this.#title, title);
    while (this.#rows.length > rows.length) this.#rows.pop()?.row.remove();
    while (this.#rows.length < rows.length) {
      const name = make("dt", "");
      const value = make("dd", "number");
      const row = make("div", "", name, value);
      this.#rows.push({ row, name, value });
      this.#list.append(row);
    }
    rows.forEach(({ name, value, own }, index) => {
      setText(this.#rows[index].name, name);
      setText(this.#rows[index].value, value);
      this.#rows[index].row.classList.toggle("own", own === true);
    });
  }
}

/**
 * Set a text only when it differs, so that the page is not laid out anew.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
