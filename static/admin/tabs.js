// @ts-check
/** Tabs by the pattern of the ARIA guide: arrows move, Home and End jump, and the panel shown is the tab's own. */

export class Tabs {
  /**
   * @param {HTMLElement} list with buttons of role tab, each naming its panel by aria-controls
   * @param {(name: string) => void} onChange told the data-tab of the tab now chosen
   */
  constructor(list, onChange) {
    this.onChange = onChange;
    this.tabs = /** @type {HTMLButtonElement[]} */ ([...list.querySelectorAll("[role=tab]")]);
    this.tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => this.choose(index));
      tab.addEventListener("keydown", (event) => this.press(event, index));
    });
    this.choose(0);
  }

  /** The data-tab of the tab that is chosen. */
  get chosen() {
    return this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true")?.dataset.tab ?? "";
  }

  /** @param {number} index */
  choose(index) {
    this.tabs.forEach((tab, number) => {
      const isChosen = number === index;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel) panel.hidden = !isChosen;
    });
    this.onChange(this.chosen);
  }

  /** @param {KeyboardEvent} event @param {number} index */
  press(event, index) {
    const last = this.tabs.length - 1;
    const shown = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index === 0 ? last : index - 1, Home: 0, End: last }[event.key];
    if (shown === undefined) return;
    event.preventDefault();
    this.choose(shown);
    this.tabs[shown]?.focus();
  }
}
