// @ts-check
/** What the address of the page asks for, and what it says once a room is joined, so that it can be shared and reloaded. */

/**
 * @typedef {{room?: string, code?: string, name?: string, create?: boolean, private?: boolean, spectate?: boolean, ticket?: string,
 *   options?: Record<string, unknown>}} Wish
 */

const OPTION = "opt.";

/**
 * Read `room`, `code`, `name`, `create=1`, `private=1`, options one by one as `opt.<key>=<value>` or all as `options=<JSON>`.
 *
 * @param {string} search of the address
 * @returns {Wish}
 */
export function readWish(search) {
  const query = new URLSearchParams(search);
  /** @type {Wish} */
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
  const options = readOptions(query);
  if (Object.keys(options).length > 0) wish.options = options;
  return wish;
}

/** @param {URLSearchParams} query */
function readOptions(query) {
  /** @type {Record<string, unknown>} */
  const options = {};
  const all = parse(query.get("options") ?? "");
  if (typeof all === "object" && all !== null && !Array.isArray(all)) Object.assign(options, all);
  for (const [key, text] of query) {
    if (key.startsWith(OPTION)) options[key.slice(OPTION.length)] = parse(text);
  }
  return options;
}

/**
 * `8`, `0.5`, `true` and JSON are what they look like; anything else is text.
 *
 * @param {string} text
 * @returns {unknown}
 */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Return the address of a joined room.
 *
 * @param {string} path of the page
 * @param {{room: string, code?: string | null, spectator?: string}} welcome
 * @param {string | null} [net] network conditions that the address asks for, which stay
 */
export function roomAddress(path, { room, code, spectator }, net = null) {
  const query = new URLSearchParams(code ? { code } : { room });
  if (spectator) query.set("watch", "1");
  if (net !== null) query.set("net", net);
  return `${path}?${query}`;
}
