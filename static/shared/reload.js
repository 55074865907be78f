// @ts-check
/** The page is older than the game, as after an edit: load the new one, unless this is what the last try brought. */

const KEY = "reloaded-for";

export function reloadOnce() {
  const hash = document.body.dataset.schemaHash ?? "";
  try {
    if (window.sessionStorage.getItem(KEY) === hash) return;
    window.sessionStorage.setItem(KEY, hash);
  } catch {
    return; // storage is refused: nobody would know that it was tried, and the page would load again and again
  }
  window.location.reload();
}
