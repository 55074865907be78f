// @ts-check
/** The lobby page: wires the forms, the list of rooms and the best scores to the server's answers. */

import { byId, make } from "../shared/dom.js";
import { readName, saveName } from "../shared/player_name.js";
import { fetchGames, fetchRooms, playAddress } from "./api.js";
import { RoomList, shownKey } from "./rooms.js";

/** @typedef {import("./api.js").GameInfo} GameInfo */

const ROOMS_EVERY_MS = 2000;
const GAMES_EVERY_MS = 10000;

const nameInput = byId("name", HTMLInputElement);
const gamesBox = byId("games", HTMLFieldSetElement);
const codeInput = byId("code", HTMLInputElement);
const privateInput = byId("private", HTMLInputElement);
const optionsBox = byId("options", HTMLDivElement);
const problem = byId("problem", HTMLParagraphElement);
const online = byId("online", HTMLParagraphElement);
const live = byId("live", HTMLSpanElement);
const liveText = byId("live-text", HTMLSpanElement);
const bestPanel = byId("best", HTMLElement);
const bestEmpty = byId("best-empty", HTMLParagraphElement);
const bestTable = byId("best-table", HTMLTableElement);
const bestRows = byId("best-rows", HTMLTableSectionElement);
const roomList = new RoomList(byId("room-list", HTMLUListElement), byId("rooms-empty", HTMLParagraphElement));

/** @type {GameInfo[]} */
let games = [];
let chosen = "";

/** @param {string} text */
function showProblem(text) {
  problem.textContent = text;
  problem.hidden = text === "";
}

/**
 * @param {string} address
 */
function go(address) {
  saveName(nameInput.value);
  window.location.assign(address);
}

function chosenGame() {
  return games.find((game) => game.name === chosen);
}

function showGames() {
  for (const old of gamesBox.querySelectorAll(".game")) old.remove();
  for (const game of games) {
    const radio = make("input", "");
    radio.type = "radio";
    radio.name = "game";
    radio.value = game.name;
    radio.checked = game.name === chosen;
    radio.disabled = game.has_page === false;
    radio.addEventListener("change", () => choose(game.name));
    gamesBox.append(
      make(
        "label",
        "game",
        radio,
        make("span", "game-title", game.title),
        make("span", "game-facts", radio.disabled ? "no page, for bots" : game.seats === 1 ? "1 player" : `up to ${game.seats} players`),
      ),
    );
  }
}

/** @param {string} name */
function choose(name) {
  chosen = name;
  const game = chosenGame();
  optionsBox.replaceChildren();
  for (const [key, value] of Object.entries(game?.options ?? {})) optionsBox.append(makeOption(key, value));
  optionsBox.hidden = optionsBox.childElementCount === 0;
  showBest();
}

/**
 * Return a field for one option, of the kind that its default is.
 * @param {string} key
 * @param {unknown} value
 */
function makeOption(key, value) {
  const input = make("input", typeof value === "boolean" ? "" : "input");
  input.name = key;
  if (typeof value === "boolean") {
    input.type = "checkbox";
    input.checked = value;
    return make("label", "check", input, make("span", "", shownKey(key)));
  }
  input.type = typeof value === "number" ? "number" : "text";
  if (typeof value === "number" && !Number.isInteger(value)) input.step = "any";
  input.value = String(value);
  const label = shownKey(key);
  return make("label", "field", make("span", "", label.charAt(0).toUpperCase() + label.slice(1)), input);
}

/** Return the options that differ from the game's defaults. */
function readOptions() {
  const defaults = chosenGame()?.options ?? {};
  /** @type {Record<string, unknown>} */
  const options = {};
  for (const input of optionsBox.querySelectorAll("input")) {
    const value =
      input.type === "checkbox" ? input.checked : input.type === "number" ? input.valueAsNumber : input.value;
    if (value !== defaults[input.name] && !Number.isNaN(value)) options[input.name] = value;
  }
  return options;
}

function showBest() {
  const best = chosenGame()?.lobby?.best;
  bestPanel.hidden = !best;
  if (!best) return;
  bestEmpty.hidden = best.length > 0;
  bestTable.hidden = best.length === 0;
  bestRows.replaceChildren(
    ...best.map((row, index) =>
      make(
        "tr",
        "",
        make("td", "place number", String(index + 1)),
        make("td", "best-name", row.name),
        make("td", "right number", String(row.kills)),
        make("td", "right number", row.score.toLocaleString("en")),
      ),
    ),
  );
}

async function refreshGames() {
  games = await fetchGames();
  if (!chosenGame()) {
    choose((games.find((game) => game.name === "arena") ?? games[0])?.name ?? "");
    showGames();
  } else {
    showBest();
  }
}

async function refreshRooms() {
  const rooms = await fetchRooms();
  roomList.show(rooms, games);
  const people = rooms.reduce((sum, room) => sum + room.seats_taken, 0);
  const text = `${people} playing in ${rooms.length} ${rooms.length === 1 ? "room" : "rooms"}`;
  if (online.textContent !== text) online.textContent = text;
}

/**
 * Ask again and again while the page is seen; say so when the server does not answer.
 * @param {() => Promise<void>} ask
 * @param {number} everyMs
 */
function keepAsking(ask, everyMs) {
  let timer = 0;
  const round = async () => {
    window.clearTimeout(timer);
    try {
      await ask();
      live.classList.remove("stale");
      liveText.textContent = "live";
    } catch {
      live.classList.add("stale");
      liveText.textContent = "no answer";
    }
    if (!document.hidden) timer = window.setTimeout(round, everyMs);
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void round();
  });
  return round();
}

nameInput.value = readName();
nameInput.addEventListener("change", () => saveName(nameInput.value));

byId("play-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (chosen) go(playAddress(chosen));
});

byId("code-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const code = codeInput.value.trim();
  if (!code) {
    showProblem("Type the code that the room's maker gave you.");
    codeInput.focus();
  } else if (chosen) {
    go(playAddress(chosen, { code }));
  }
});

byId("create-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (chosen) go(playAddress(chosen, { create: true, private: privateInput.checked, options: readOptions() }));
});

await keepAsking(refreshGames, GAMES_EVERY_MS);
await keepAsking(refreshRooms, ROOMS_EVERY_MS);
