// @ts-check
/** Nothing is done by one click: a dialog says what will happen, takes what is needed for it, and asks. */
import { byId, make } from "/static/shared/dom.js";

/**
 * @typedef {{
 *   name: string, label: string, value?: string, lengthMax?: number, isRequired?: boolean,
 *   choices?: [string, string][],
 * }} Question choices: value and text of each; without them it is a line to type
 * @typedef {{title: string, text: string, yes: string, isHarmless?: boolean, questions?: Question[]}} Inquiry
 */

/**
 * Ask; resolve to the answers by name, or to null when it is not to be done.
 * @param {Inquiry} inquiry
 * @returns {Promise<Record<string, string> | null>}
 */
export function confirm(inquiry) {
  const dialog = byId("confirm", HTMLDialogElement);
  const form = byId("confirm-form", HTMLFormElement);
  const yes = byId("confirm-yes", HTMLButtonElement);
  byId("confirm-title", HTMLElement).textContent = inquiry.title;
  byId("confirm-text", HTMLElement).textContent = inquiry.text;
  const questions = inquiry.questions ?? [];
  const fields = questions.map(makeField);
  byId("confirm-fields", HTMLElement).replaceChildren(...fields.map((field) => field.element));
  yes.textContent = inquiry.yes;
  yes.className = `button ${inquiry.isHarmless ? "button-primary" : "button-danger"}`;
  dialog.returnValue = "cancel";
  // Enter in a line would press the form's first button, which is Cancel.
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    if (form.reportValidity()) dialog.close("yes");
  };
  form.addEventListener("keydown", onKey);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        form.removeEventListener("keydown", onKey);
        const answers = Object.fromEntries(fields.map((field) => [field.name, field.input.value.trim()]));
        resolve(dialog.returnValue === "yes" ? answers : null);
      },
      { once: true },
    );
  });
}

/** @param {Question} question */
function makeField(question) {
  const input = question.choices ? makeChoice(question.choices) : makeLine(question);
  input.name = question.name;
  input.id = `confirm-${question.name}`;
  if (question.value !== undefined) input.value = question.value;
  return { name: question.name, input, element: make("label", "field", make("span", "", question.label), input) };
}

/** @param {[string, string][]} choices */
function makeChoice(choices) {
  const select = make("select", "input select");
  select.append(...choices.map(([value, text]) => new Option(text, value)));
  return select;
}

/** @param {Question} question */
function makeLine(question) {
  const line = make("input", "input");
  line.maxLength = question.lengthMax ?? 60;
  line.required = question.isRequired ?? false;
  line.autocomplete = "off";
  return line;
}
