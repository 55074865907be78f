// @ts-check
/**
 * A table that sorts by its headers, keeps its rows (and the focus in them) while figures change, and holds its order
 * still while somebody points into it, so that no row jumps away from under a click.
 */
import { make } from "/static/shared/dom.js";

export const ROWS_DRAWN_MAX = 200;

/**
 * @template R
 * @typedef {{
 *   key: string, label: string, hint?: string, isNumber?: boolean, isMinor?: boolean,
 *   value?: (row: R) => string | number | null | undefined,
 *   text?: (row: R) => string,
 *   mark?: (row: R) => string,
 *   make?: (row: R) => Node,
 * }} Column value: sorted by; text: shown; mark: "strained", "bad" or ""; make: a button or such, made once
 */

/** @template R */
export class Table {
  /**
   * @param {HTMLTableElement} element
   * @param {{caption: string, columns: Column<R>[], keyOf: (row: R) => string, sort: string, isDown?: boolean,
   *   onOpen?: (row: R) => void}} options
   */
  constructor(element, options) {
    this.element = element;
    this.columns = options.columns;
    this.keyOf = options.keyOf;
    this.onOpen = options.onOpen;
    this.sortKey = options.sort;
    this.isDown = options.isDown ?? false;
    /** @type {R[]} */
    this.rows = [];
    /** @type {Map<string, HTMLTableRowElement>} */
    this.drawn = new Map();
    /** @type {Map<string, HTMLTableCellElement>} */
    this.heads = new Map();
    this.body = make("tbody", "");
    element.append(make("caption", "visually-hidden", options.caption), this.makeHead(), this.body);
    this.showSort();
  }

  makeHead() {
    const row = make("tr", "");
    for (const column of this.columns) {
      const cell = make("th", this.classOf(column));
      cell.scope = "col";
      if (column.hint) cell.title = column.hint;
      if (column.value) {
        const button = make("button", "sort", column.label, make("span", "sort-arrow"));
        button.type = "button";
        button.addEventListener("click", () => this.sortBy(column.key));
        cell.append(button);
        this.heads.set(column.key, cell);
      } else {
        cell.append(make("span", "visually-hidden", column.label));
      }
      row.append(cell);
    }
    return make("thead", "", row);
  }

  /** @param {Column<R>} column */
  classOf(column) {
    return [column.isNumber ? "is-number" : "", column.isMinor ? "is-minor" : ""].join(" ").trim();
  }

  /** Sort by a column: numbers from the largest at first, text from A; the other way at the next call. @param {string} key */
  sortBy(key) {
    const column = this.columns.find((candidate) => candidate.key === key);
    this.isDown = this.sortKey === key ? !this.isDown : Boolean(column?.isNumber);
    this.sortKey = key;
    this.showSort();
    this.draw(true);
  }

  showSort() {
    for (const [key, cell] of this.heads) {
      if (key === this.sortKey) cell.setAttribute("aria-sort", this.isDown ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }

  /** Show these rows. @param {R[]} rows */
  update(rows) {
    this.rows = rows;
    this.draw(!this.body.matches(":hover, :focus-within"));
  }

  /** @param {boolean} mayReorder */
  draw(mayReorder) {
    const shown = this.sorted().slice(0, ROWS_DRAWN_MAX);
    const keys = new Set(shown.map(this.keyOf));
    for (const [key, element] of this.drawn) {
      if (keys.has(key)) continue;
      element.remove();
      this.drawn.delete(key);
    }
    shown.forEach((row, index) => {
      const key = this.keyOf(row);
      const known = this.drawn.get(key);
      const element = known ?? this.makeRow(key, row);
      this.fill(element, row);
      if (!known || mayReorder) this.place(element, mayReorder ? index : this.body.rows.length);
    });
  }

  /** @param {HTMLTableRowElement} element @param {number} index */
  place(element, index) {
    const there = this.body.rows[index];
    if (there !== element) this.body.insertBefore(element, there ?? null);
  }

  sorted() {
    const value = this.columns.find((column) => column.key === this.sortKey)?.value;
    if (!value) return this.rows;
    const sign = this.isDown ? -1 : 1;
    return [...this.rows].sort((a, b) => sign * compare(value(a), value(b)) || compare(this.keyOf(a), this.keyOf(b)));
  }

  /** @param {string} key @param {R} row */
  makeRow(key, row) {
    const element = make("tr", "");
    element.dataset.key = key;
    for (const column of this.columns) {
      const cell = make("td", this.classOf(column));
      if (column.make) cell.append(column.make(row));
      element.append(cell);
    }
    if (this.onOpen) {
      element.classList.add("opens");
      element.addEventListener("click", (event) => {
        if (event.target instanceof Element && !event.target.closest("button")) this.onOpen?.(row);
      });
    }
    this.drawn.set(key, element);
    return element;
  }

  /** @param {HTMLTableRowElement} element @param {R} row */
  fill(element, row) {
    this.columns.forEach((column, index) => {
      const cell = element.cells[index];
      if (!cell || !column.text) return;
      const text = column.text(row);
      if (cell.textContent !== text) cell.textContent = text;
      const mark = column.mark?.(row) ?? "";
      if ((cell.dataset.mark ?? "") !== mark) cell.dataset.mark = mark;
    });
  }
}

/**
 * Order of two values; what is missing comes first.
 * @param {string | number | null | undefined} a
 * @param {string | number | null | undefined} b
 */
export function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}
