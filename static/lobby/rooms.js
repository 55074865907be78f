// @ts-check
/** The list of open rooms: rows are kept by room id, so that a refresh never takes the focus away. */

import { make } from "../shared/dom.js";
import { playAddress } from "./api.js";

/** @typedef {import("./api.js").RoomInfo} RoomInfo */
/** @typedef {import("./api.js").GameInfo} GameInfo */

/**
 * @param {number} seconds
 * @returns {string}
 */
export function shownAge(seconds) {
  if (seconds < 60) return "just opened";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

/**
 * Return an option's key as people say it: "round_s" is "round (s)".
 * @param {string} key
 */
export function shownKey(key) {
  const words = key.split("_");
  const unit = words.length > 1 && ["s", "ms"].includes(words[words.length - 1]) ? ` (${words.pop()})` : "";
  return words.join(" ") + unit;
}

export class RoomList {
  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} empty what is said when there are none
   */
  constructor(list, empty) {
    this.list = list;
    this.empty = empty;
    /** @type {Map<string, ReturnType<typeof makeRow>>} */
    this.rows = new Map();
  }

  /**
   * @param {RoomInfo[]} rooms
   * @param {GameInfo[]} games
   */
  show(rooms, games) {
    const seen = new Set(rooms.map((room) => room.room));
    for (const [id, row] of this.rows) {
      if (!seen.has(id)) {
        row.element.remove();
        this.rows.delete(id);
      }
    }
    for (const room of rooms) {
      let row = this.rows.get(room.room);
      if (!row) {
        const game = games.find((one) => one.name === room.game);
        row = makeRow(room, game?.title ?? room.game, game?.has_page !== false);
        this.rows.set(room.room, row);
        this.list.append(row.element);
      }
      row.update(room);
    }
    this.empty.hidden = rooms.length > 0;
    this.empty.textContent = "No rooms are open. Quick play opens one.";
  }
}

/**
 * @param {RoomInfo} room
 * @param {string} title
 * @param {boolean} playable whether the game has a page
 */
function makeRow(room, title, playable) {
  const facts = make("div", "room-facts");
  const seats = make("span", "number");
  const bar = make("progress", "");
  bar.setAttribute("aria-hidden", "true");
  const join = make("a", "button button-small", "Join");
  join.href = playAddress(room.game, { room: room.room });
  join.hidden = !playable;
  const watch = make("a", "button button-small", "Watch");
  watch.href = playAddress(room.game, { room: room.room, watch: true });
  watch.hidden = !playable || !room.watchable;
  watch.setAttribute("aria-label", `Watch ${title} ${room.room.slice(-4)}`);
  const element = make(
    "li",
    "room",
    make(
      "div",
      "",
      make("div", "room-title", title, make("span", "room-id number", `#${room.room.slice(-4)}`)),
      facts,
    ),
    make("div", "room-seats", seats, bar),
    make("div", "room-acts", watch, join),
  );
  return {
    element,
    /** @param {RoomInfo} now */
    update(now) {
      const full = now.locked || now.seats_taken >= now.seats;
      const options = Object.entries(now.options ?? {}).map(([key, value]) => `${shownKey(key)} ${value}`);
      const watching = now.spectators > 0 ? [`${now.spectators} watching`] : [];
      facts.textContent = [shownAge(now.age_s), ...watching, ...options].join(" \u00b7 ");
      seats.textContent = `${now.seats_taken} / ${now.seats}`;
      bar.max = now.seats;
      bar.value = now.seats_taken;
      join.textContent = now.locked ? "Locked" : full ? "Full" : "Join";
      join.setAttribute("aria-label", `${join.textContent} ${title} ${room.room.slice(-4)}`);
      if (full) join.setAttribute("aria-disabled", "true");
      else join.removeAttribute("aria-disabled");
    },
  };
}
