// @ts-check
/** What the lobby asks of the server, and the shapes of the answers. Knows nothing of the page. */

/**
 * @typedef {{name: string, score: number, kills: number, deaths: number}} BestScore
 * @typedef {{name: string, title: string, seats: number, tick_rate: number, schema_hash: string,
 *   options: Record<string, unknown>, has_page?: boolean, lobby?: {best?: BestScore[]}}} GameInfo
 * @typedef {{room: string, game: string, seats_taken: number, seats: number, age_s: number, locked: boolean, watchable: boolean, spectators: number,
 *   options?: Record<string, unknown>}} RoomInfo
 */

/** A server that takes longer does not answer. */
const ANSWER_MAX_MS = 10_000;

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
async function getJson(path) {
  const signal = AbortSignal.timeout(ANSWER_MAX_MS);
  const response = await fetch(path, { headers: { accept: "application/json" }, cache: "no-store", signal });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** @returns {Promise<GameInfo[]>} */
export async function fetchGames() {
  const answer = await getJson("/api/games");
  return Array.isArray(answer) ? answer : answer.games;
}

/** @returns {Promise<RoomInfo[]>} */
export async function fetchRooms() {
  return (await getJson("/api/rooms")).rooms;
}

/**
 * Return the address of a game's page.
 * @param {string} game
 * @param {{room?: string, code?: string, create?: boolean, private?: boolean, watch?: boolean, options?: Record<string, unknown>}} [wish]
 */
export function playAddress(game, wish = {}) {
  const query = new URLSearchParams();
  if (wish.room) query.set("room", wish.room);
  if (wish.code) query.set("code", wish.code);
  if (wish.create) query.set("create", "1");
  if (wish.private) query.set("private", "1");
  if (wish.watch) query.set("watch", "1");
  if (wish.options && Object.keys(wish.options).length > 0) query.set("options", JSON.stringify(wish.options));
  const text = query.toString();
  return `/play/${encodeURIComponent(game)}${text ? `?${text}` : ""}`;
}
