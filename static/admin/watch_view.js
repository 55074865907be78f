// @ts-check
/** A room watched live: the game's own page in a frame, let in by a ticket that the feed gives. */
import { byId, make } from "/static/shared/dom.js";

/** @typedef {import("./model.js").Room} Room */

export class WatchView {
  /** @param {import("./feed.js").Feed} feed */
  constructor(feed) {
    this.feed = feed;
    this.frame = byId("watch-frame", HTMLElement);
    this.link = byId("watch-open", HTMLAnchorElement);
    this.empty = byId("watch-empty", HTMLElement);
    /** the room that is shown or asked for, if any */
    this.room = "";
  }

  /** Show a room, or nothing: a picture that nobody looks at costs the server as much as one that somebody does. @param {Room | null} room */
  show(room) {
    if ((room?.id ?? "") === this.room) return;
    this.room = room?.id ?? "";
    this.frame.replaceChildren();
    this.link.hidden = true;
    this.tell("Asking for a ticket…");
    if (room) void this.ask(room);
  }

  /** @param {Room} room */
  async ask(room) {
    const { ok, text, ticket } = await this.feed.act({ act: "ticket", room: room.id });
    if (this.room !== room.id) return;
    if (!ok || !ticket) {
      this.tell(text);
      return;
    }
    const address = `/play/${room.game}?${new URLSearchParams({ room: room.id, watch: "1", ticket })}`;
    const picture = make("iframe", "watch-picture");
    picture.title = `${room.game} room ${room.id}, live`;
    picture.src = address;
    this.frame.append(picture);
    this.link.href = address;
    this.link.hidden = false;
    this.empty.hidden = true;
  }

  /** @param {string} text */
  tell(text) {
    this.empty.textContent = text;
    this.empty.hidden = false;
  }
}
