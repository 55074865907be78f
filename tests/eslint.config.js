/** Rules for static/ and tests/js/, run from the root of the repository: `make test-js`. Types are tsc's business. */
import js from "@eslint/js";
import globals from "globals";

/** What would turn text from other players into markup, which is for nobody to do, or run it as code. */
const markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc"].map((property) => ({
  property,
  message: "Text of players is shown as text: textContent, append, createElement.",
}));

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-script-url": "error",
      "no-restricted-properties": ["error", ...markup, { object: "document", property: "write" }],
      "no-var": "error",
      "prefer-const": "error",
      "no-shadow": "error",
      "no-throw-literal": "error",
      "no-unused-expressions": "error",
      "no-useless-assignment": "error",
      "no-else-return": "error",
      "no-warning-comments": "error",
      "no-console": ["error", { allow: ["warn", "error"] }],
      "default-case-last": "error",
      "array-callback-return": "error",
      complexity: ["error", 20],
      "max-lines-per-function": ["error", { max: 80, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["static/**/*.js"],
    languageOptions: { globals: globals.browser },
  },
  {
    // The SDK serves Node too: it may use what both have, and is handed the rest (WebSocket, storage, clock).
    files: ["static/client/**/*.js"],
    languageOptions: {
      globals: {
        ...Object.fromEntries(Object.keys(globals.browser).map((name) => [name, "off"])),
        ...globals["shared-node-browser"],
        WebSocket: "off",
      },
    },
  },
  {
    files: ["tests/**/*.js"],
    languageOptions: { globals: globals.node },
    rules: { "max-lines-per-function": "off" },
  },
];
