// @ts-check
/** What the address of the page asks for, and what it should say once a room is joined, so that it can be shared and reloaded. */

/**
 * @param {string} search
 * @returns {{room?: string, code?: string, create?: boolean, private?: boolean, spectate?: boolean, ticket?: string, name?: string, options?: Record<string, unknown>}}
 */
export function readWish(search) {
  const query = new URLSearchParams(search);
  /** @type {ReturnType<typeof readWish>} */
  const wish = {};
  for (const key of /** @type {("room" | "code" | "name")[]} */ (["room", "code", "name"])) {
    const value = query.get(key);
    if (value) wish[key] = value;
  }
  if (query.get("create") === "1") wish.create = true;
  if (query.get("private") === "1") wish.private = true;
  if (query.get("watch") === "1") wish.spectate = true;
  const ticket = query.get("ticket");
  if (ticket) wish.ticket = ticket;
  const options = readOptions(query.get("options"));
  if (options) wish.options = options;
  return wish;
}

/**
 * @param {string | null} text
 * @returns {Record<string, unknown> | null}
 */
function readOptions(text) {
  if (!text) return null;
  try {
    const options = JSON.parse(text);
    return typeof options === "object" && options !== null && !Array.isArray(options) ? options : null;
  } catch {
    return null;
  }
}

/**
 * Put the joined room into the address bar. A ticket stays where it is: it is good for a reload.
 * @param {{room: string, code?: string | null, spectator?: string}} welcome
 */
export function showAddress({ room, code, spectator }) {
  if (spectator === "unseen") return;
  const query = new URLSearchParams(code ? { code } : { room });
  if (spectator) query.set("watch", "1");
  const net = new URLSearchParams(window.location.search).get("net");
  if (net !== null) query.set("net", net);
  window.history.replaceState(null, "", `${window.location.pathname}?${query}`);
}
