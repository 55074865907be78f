// @ts-check
/** The player's name, remembered between visits. Storage may be refused (private windows): then it lasts for the page only. */

const KEY = "player-name";
export const NAME_LEN_MAX = 16;

/** @returns {string} */
export function readName() {
  try {
    return (localStorage.getItem(KEY) ?? "").slice(0, NAME_LEN_MAX);
  } catch {
    return "";
  }
}

/** @param {string} name */
export function saveName(name) {
  try {
    localStorage.setItem(KEY, name.trim().slice(0, NAME_LEN_MAX));
  } catch {
    // refused: the name is asked for again next time
  }
}
