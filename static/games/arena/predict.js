// @ts-check
/** What of the arena a browser predicts: its own ship, by the rule that the server runs. */

import { move } from "./movement.js";

/** @type {import("../../client/predictor.js").Prediction} */
export const predictShip = {
  type: "Ship",
  step: move,
  snapAbove: 200,
};
