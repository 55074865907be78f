// @ts-check
/**
 * A table that sorts by its headers, draws only the rows that are in sight, and holds its order still while somebody
 * points into it, so that no row jumps away from under a click. Rows are all of one height; what is out of sight is a
 * spacer. Needs the table to stand alone in an element that scrolls.
 */
import { make } from "/static/shared/dom.js";

const ROW_HEIGHT_PX = 40;
/** rows drawn beyond what is in sight, above and below: the next Tab finds its button there */
const OVERSCAN = 8;

/**
 * @template R
 * @typedef {{
 *   key: string, label: string, hint?: string, isNumber?: boolean, isMinor?: boolean, isOperator?: boolean, isSticky?: boolean,
 *   isFleet?: boolean,
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
   *   onOpen?: (row: R) => void, isOpen?: (row: R) => boolean}} options
   */
  constructor(element, options) {
    this.element = element;
    this.columns = options.columns;
    this.keyOf = options.keyOf;
    this.onOpen = options.onOpen;
    this.isOpen = options.isOpen;
    this.sortKey = options.sort;
    this.isDown = options.isDown ?? false;
    /** @type {Map<string, R>} */
    this.rows = new Map();
    /** @type {string[]} keys in the order shown */
    this.order = [];
    /** @type {Map<string, HTMLTableRowElement>} */
    this.drawn = new Map();
    /** @type {Map<string, HTMLTableCellElement>} */
    this.heads = new Map();
    this.body = make("tbody", "");
    this.above = makeSpacer(this.columns.length);
    this.below = makeSpacer(this.columns.length);
    this.scroller = /** @type {HTMLElement} */ (element.parentElement);
    this.rowHeight = ROW_HEIGHT_PX;
    element.append(make("caption", "visually-hidden", options.caption), this.makeHead(), this.body);
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.scroller);
    this.showSort();
  }

  makeHead() {
    const row = make("tr", "");
    for (const column of this.columns) {
      const cell = make("th", classOf(column));
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

  /** Sort by a column: numbers from the largest at first, text from A; the other way at the next call. @param {string} key */
  sortBy(key) {
    const column = this.columns.find((candidate) => candidate.key === key);
    this.isDown = this.sortKey === key ? !this.isDown : Boolean(column?.isNumber);
    this.sortKey = key;
    this.showSort();
    this.order = this.sorted();
    this.scroller.scrollTop = 0;
    this.draw();
  }

  showSort() {
    for (const [key, cell] of this.heads) {
      if (key === this.sortKey) cell.setAttribute("aria-sort", this.isDown ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }

  /** Show these rows. @param {R[]} rows */
  update(rows) {
    this.rows = new Map(rows.map((row) => [this.keyOf(row), row]));
    if (this.body.matches(":hover, :focus-within")) {
      const known = new Set(this.order);
      this.order = [...this.order.filter((key) => this.rows.has(key)), ...this.sorted().filter((key) => !known.has(key))];
    } else {
      this.order = this.sorted();
    }
    this.draw();
  }

  sorted() {
    const rows = [...this.rows.values()];
    const value = this.columns.find((column) => column.key === this.sortKey)?.value;
    if (!value) return rows.map(this.keyOf);
    const sign = this.isDown ? -1 : 1;
    rows.sort((a, b) => sign * compare(value(a), value(b)) || compare(this.keyOf(a), this.keyOf(b)));
    return rows.map(this.keyOf);
  }

  /** Draw what is in sight. */
  draw() {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / this.rowHeight) - OVERSCAN);
    const number = Math.ceil(Math.max(this.scroller.clientHeight, 400) / this.rowHeight) + 2 * OVERSCAN;
    const shown = this.order.slice(first, first + number);
    const keys = new Set(shown);
    for (const [key, element] of this.drawn) {
      if (keys.has(key)) continue;
      if (element.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
      element.remove();
      this.drawn.delete(key);
    }
    this.element.setAttribute("aria-rowcount", String(this.order.length + 1));
    const elements = shown.map((key, index) => this.rowOf(key, first + index));
    place(this.body, [this.above, ...elements, this.below]);
    setHeight(this.above, first * this.rowHeight);
    setHeight(this.below, Math.max(0, this.order.length - first - shown.length) * this.rowHeight);
    const height = elements[0]?.offsetHeight ?? 0;
    if (height && Math.abs(height - this.rowHeight) > 0.5) this.rowHeight = height;
  }

  /** @param {string} key @param {number} index */
  rowOf(key, index) {
    const row = /** @type {R} */ (this.rows.get(key));
    const element = this.drawn.get(key) ?? this.makeRow(key, row);
    this.fill(element, row);
    element.setAttribute("aria-rowindex", String(index + 2));
    if (this.isOpen) element.classList.toggle("is-open", this.isOpen(row));
    return element;
  }

  /** @param {string} key @param {R} row */
  makeRow(key, row) {
    const element = make("tr", "");
    element.dataset.key = key;
    for (const column of this.columns) {
      const cell = make("td", classOf(column));
      if (column.make) cell.append(column.make(row));
      element.append(cell);
    }
    if (this.onOpen) {
      element.classList.add("opens");
      element.addEventListener("click", (event) => {
        const now = this.rows.get(key);
        if (now && event.target instanceof Element && !event.target.closest("button")) this.onOpen?.(now);
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

/** @param {{isNumber?: boolean, isMinor?: boolean, isOperator?: boolean, isSticky?: boolean, isFleet?: boolean}} column */
function classOf(column) {
  const { isNumber, isMinor, isOperator, isSticky, isFleet } = column;
  const classes = [isNumber && "is-number", isMinor && "is-minor", isOperator && "operator", isSticky && "is-sticky", isFleet && "fleet"];
  return classes.filter(Boolean).join(" ");
}

/** @param {number} width in cells */
function makeSpacer(width) {
  const cell = make("td", "");
  cell.colSpan = width;
  const row = make("tr", "spacer", cell);
  row.hidden = true;
  row.setAttribute("aria-hidden", "true");
  return row;
}

/** @param {HTMLTableRowElement} spacer @param {number} height */
function setHeight(spacer, height) {
  spacer.hidden = height === 0;
  const cell = spacer.cells[0];
  if (cell && cell.style.height !== `${height}px`) cell.style.height = `${height}px`;
}

/** Put rows into this order, touching only what is not where it belongs. @param {HTMLElement} body @param {HTMLElement[]} rows */
function place(body, rows) {
  rows.forEach((row, index) => {
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
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
