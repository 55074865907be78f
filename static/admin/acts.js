// @ts-check
/** What an operator can do: each act asks first, is sent, and its answer shown. The server has the last word. */
import { byId } from "/static/shared/dom.js";
import { hostOf, shortId } from "/static/admin/columns.js";
import { confirm } from "/static/admin/confirm.js";
import { count, moment } from "/static/admin/format.js";

/** @typedef {import("./feed.js").Feed} Feed */
/** @typedef {import("./model.js").Ban} Ban */
/** @typedef {import("./model.js").Room} Room */
/** @typedef {import("./model.js").Seat} Seat */

/** @param {number} players */
const areTold = (players) => `${count(players, "player")} ${players === 1 ? "is" : "are"} told`;

const TOAST_MS = 6000;
const NOTICE_LENGTH_MAX = 200;
const REASON = { name: "reason", label: "Reason, shown to the player (optional)" };
/** @type {[string, string][]} */
const BAN_TIMES = [["10", "10 minutes"], ["60", "an hour"], ["1440", "a day"], ["10080", "a week"], ["43200", "30 days"]];
/** @type {[string, string][]} */
const LEVELS = [["debug", "debug"], ["info", "info"], ["warning", "warning"], ["error", "error"]];

export class Acts {
  /** @param {Feed} feed */
  constructor(feed) {
    this.feed = feed;
    this.toastTimer = 0;
  }

  /** Ask, then do it. @param {import("./confirm.js").Inquiry} inquiry @param {(answers: Record<string, string>) => Record<string, any>} request */
  async ask(inquiry, request) {
    const answers = await confirm(inquiry);
    if (answers === null) return;
    const { ok, text } = await this.feed.act(request(answers));
    this.toast(text, ok);
  }

  /** @param {string} text @param {boolean} ok */
  toast(text, ok) {
    const toast = byId("toast", HTMLElement);
    toast.textContent = text;
    toast.dataset.mark = ok ? "" : "bad";
    toast.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => (toast.hidden = true), TOAST_MS);
  }

  /** @param {Room | null} room null: all rooms */
  notice(room) {
    const where = room ? `${room.game} ${shortId(room.id)}` : "all rooms";
    return this.ask(
      {
        title: `Tell ${where}`,
        text: room ? "Everybody in the room gets it at the next tick." : "Everybody in every room gets it at the next tick.",
        yes: "Send notice",
        isHarmless: true,
        questions: [{ name: "text", label: "Notice", lengthMax: NOTICE_LENGTH_MAX, isRequired: true }],
      },
      ({ text }) => ({ act: "notice", room: room?.id ?? null, text }),
    );
  }

  /** @param {Room} room */
  closeRoom(room) {
    const players = room.taken === 1 ? "Its player is" : `Its ${room.taken} players are`;
    return this.ask(
      {
        title: `Close ${room.game} ${shortId(room.id)}?`,
        text: `${players} put out at once, and the room's state is gone.`,
        yes: "Close room",
        questions: [REASON],
      },
      ({ reason }) => ({ act: "close", room: room.id, reason }),
    );
  }

  /** @param {Room} room */
  lockRoom(room) {
    const locks = !room.locked;
    return this.ask(
      {
        title: `${locks ? "Lock" : "Unlock"} ${room.game} ${shortId(room.id)}?`,
        text: locks ? "Nobody new gets in; those inside play on and may come back." : "Whoever finds the room may join again.",
        yes: locks ? "Lock room" : "Unlock room",
        isHarmless: true,
      },
      () => ({ act: "lock", room: room.id, locked: locks }),
    );
  }

  /** @param {string} room @param {Seat} seat */
  kick(room, seat) {
    return this.ask(
      {
        title: `Remove ${seat.name}?`,
        text: `Seat ${seat.seat} becomes free at once. The player may join again.`,
        yes: "Remove player",
        questions: [REASON],
      },
      ({ reason }) => ({ act: "kick", room, seat: seat.seat, name: seat.name, reason }),
    );
  }

  /** @param {string} room @param {Seat} seat */
  ban(room, seat) {
    /** @type {[string, string][]} */
    const ways = [];
    if (seat.user) ways.push(["user", `the user ${seat.user}`]);
    if (seat.address) ways.push(["address", `the address ${seat.address}, with all who play from there`]);
    if (!ways.length) {
      this.toast(`${seat.name} is not connected and has no user id: there is nothing to ban by`, false);
      return Promise.resolve();
    }
    return this.ask(
      {
        title: `Ban ${seat.name}?`,
        text: "The player is removed at once and cannot join until the ban ends or is lifted.",
        yes: "Ban player",
        questions: [
          { name: "by", label: "Keep out", choices: ways },
          { name: "minutes", label: "For", choices: BAN_TIMES, value: "60" },
          REASON,
        ],
      },
      ({ by, minutes, reason }) => ({ act: "ban", room, seat: seat.seat, name: seat.name, by, minutes: Number(minutes), reason }),
    );
  }

  /** @param {Ban} ban */
  unban(ban) {
    return this.ask(
      {
        title: `Let ${ban.name} in again?`,
        text: `The ban of ${ban.by} ${ban.who} would end at ${moment(ban.until_unix_s)}.`,
        yes: "Lift ban",
        isHarmless: true,
      },
      () => ({ act: "unban", ban: ban.key }),
    );
  }

  /** @param {number} players @param {number} processes */
  drain(players, processes) {
    const ends =
      processes > 1
        ? `all ${processes} processes of this machine end. They do not start again by themselves.`
        : "the process ends. It does not start again by itself.";
    return this.ask(
      {
        title: "Shut the server down?",
        text: `Nobody new gets in, ${areTold(players)}, and after a short while ${ends}`,
        yes: "Shut down",
      },
      () => ({ act: "drain" }),
    );
  }

  /** Shut another machine down. @param {string} url @param {number} players */
  drainMachine(url, players) {
    return this.ask(
      {
        title: `Shut ${hostOf(url)} down?`,
        text: `Nobody new gets in there, ${areTold(players)}, and after a short while all of its processes end. They do not start again by themselves.`,
        yes: "Shut machine down",
      },
      () => ({ act: "drain", machine: url }),
    );
  }

  /** @param {string} level the one that holds */
  logLevel(level) {
    return this.ask(
      {
        title: "Change the log level",
        text: "Lines below the level are not written. It holds until the next start.",
        yes: "Change level",
        isHarmless: true,
        questions: [{ name: "level", label: "Write from this level on", choices: LEVELS, value: level }],
      },
      (answers) => ({ act: "log_level", level: answers.level }),
    );
  }
}
