// @ts-check
/** Nothing is done to players by one click: a dialog asks, and takes a reason. */
import { byId } from "/static/shared/dom.js";

/**
 * Ask; resolve to the reason given ("" for none), or to null when it is not to be done.
 * @param {{title: string, text: string, yes: string}} question
 * @returns {Promise<string | null>}
 */
export function confirm(question) {
  const dialog = byId("confirm", HTMLDialogElement);
  const reason = byId("confirm-reason", HTMLInputElement);
  const yes = byId("confirm-yes", HTMLButtonElement);
  byId("confirm-title", HTMLElement).textContent = question.title;
  byId("confirm-text", HTMLElement).textContent = question.text;
  yes.textContent = question.yes;
  reason.value = "";
  dialog.returnValue = "cancel";
  dialog.showModal();
  // Enter in the reason would press the form's first button, which is Cancel.
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    dialog.close("yes");
  };
  reason.addEventListener("keydown", onKey);
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        reason.removeEventListener("keydown", onKey);
        resolve(dialog.returnValue === "yes" ? reason.value : null);
      },
      { once: true },
    );
  });
}
