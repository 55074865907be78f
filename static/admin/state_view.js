// @ts-check
/**
 * The live state of a room as a tree: types, below each its entities, a column for each field. Fields that only the
 * owner or nobody but the server sees are marked; what has just changed lights up.
 */
import { byId, make } from "/static/shared/dom.js";
import { whole } from "/static/admin/format.js";

/** @typedef {import("./model.js").RoomModel} RoomModel */
/** @typedef {import("./model.js").Field} Field */

const MARKS = { owner: "owner only", server: "server only" };

export class StateView {
  constructor() {
    this.list = byId("state-types", HTMLElement);
    this.filter = byId("state-filter", HTMLInputElement);
    /** @type {Map<string, TypeView>} */
    this.types = new Map();
    this.room = "";
  }

  /** @param {RoomModel} room */
  draw(room) {
    if (room.room !== this.room) {
      this.room = room.room ?? "";
      this.types.clear();
      this.list.replaceChildren();
    }
    byId("state-empty", HTMLElement).hidden = room.hasState;
    const wanted = this.filter.value.trim().toLowerCase();
    for (const [name, fields] of Object.entries(room.fields)) {
      const view = this.types.get(name) ?? this.addType(name, fields, this.types.size < 3);
      view.draw(room, wanted);
    }
  }

  /** @param {string} name @param {Field[]} fields @param {boolean} isOpen */
  addType(name, fields, isOpen) {
    const view = new TypeView(name, fields, isOpen);
    this.types.set(name, view);
    this.list.append(view.element);
    return view;
  }
}

class TypeView {
  /** @param {string} name @param {Field[]} fields @param {boolean} isOpen */
  constructor(name, fields, isOpen) {
    this.name = name;
    this.fields = fields;
    this.count = make("span", "tag number");
    this.body = make("tbody", "");
    /** @type {Map<string, HTMLTableRowElement>} */
    this.rows = new Map();
    const heads = [make("th", "", "id"), make("th", "", "owner"), ...fields.map(makeHead)];
    for (const head of heads) head.scope = "col";
    const table = make("table", "state-table", make("caption", "visually-hidden", `Entities of type ${name}`), make("thead", "", make("tr", "", ...heads)), this.body);
    const scroller = make("div", "scroller state-scroller", table);
    scroller.tabIndex = 0;
    scroller.setAttribute("role", "group");
    scroller.setAttribute("aria-label", `${name}, scrollable`);
    this.element = make("details", "state-type", make("summary", "", make("strong", "", name), " ", this.count), scroller);
    this.element.open = isOpen;
    this.element.dataset.type = name;
  }

  /** @param {RoomModel} room @param {string} wanted */
  draw(room, wanted) {
    const rows = room.state.get(this.name) ?? new Map();
    const all = room.counts[this.name] ?? rows.size;
    const text = rows.size < all ? `first ${whole(rows.size)} of ${whole(all)}` : whole(all);
    if (this.count.textContent !== text) this.count.textContent = text;
    if (!this.element.open) return;
    for (const [id, element] of this.rows) {
      if (rows.has(id)) continue;
      element.remove();
      this.rows.delete(id);
    }
    for (const [id, row] of rows) {
      const element = this.rows.get(id) ?? this.addRow(id);
      const isNew = !element.cells[0]?.textContent;
      element.hidden = Boolean(wanted) && !`${this.name} ${id} ${Object.values(row).join(" ")}`.toLowerCase().includes(wanted);
      this.fill(element, id, row, isNew ? null : room.fresh);
    }
  }

  /** @param {string} id */
  addRow(id) {
    const element = make("tr", "", make("td", "number"), make("td", "number"), ...this.fields.map((field) => make("td", `number to-${field.to}`)));
    this.rows.set(id, element);
    this.body.append(element);
    return element;
  }

  /** @param {HTMLTableRowElement} element @param {string} id @param {Record<string, any>} row @param {Set<string> | null} fresh */
  fill(element, id, row, fresh) {
    const values = [this.name === "room" ? "room" : id, row.owner ?? "–", ...this.fields.map((field) => row[field.name])];
    const names = ["id", "owner", ...this.fields.map((field) => field.name)];
    values.forEach((value, index) => {
      const cell = element.cells[index];
      if (!cell) return;
      const text = shown(value);
      if (cell.textContent !== text) cell.textContent = text;
      cell.classList.toggle("is-fresh", fresh?.has(`${this.name} ${id} ${names[index]}`) ?? false);
    });
  }
}

/** @param {Field} field */
function makeHead(field) {
  const head = make("th", `to-${field.to}`, field.name);
  const mark = MARKS[/** @type {"owner" | "server"} */ (field.to)];
  if (mark) head.append(" ", make("span", "field-mark", mark));
  return head;
}

/** @param {any} value */
function shown(value) {
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
