/**
 * Lets Node import what a browser would: "/static/client/index.js" is a file of this repository.
 * `node --import ./tests/js/static_urls.js --test ...`; `make test-js` does so.
 */
import { register } from "node:module";

const root = new URL("../../", import.meta.url).href;

const hooks = `
  export function resolve(specifier, context, next) {
    return next(specifier.startsWith("/static/") ? ${JSON.stringify(root)} + specifier.slice(1) : specifier, context);
  }
`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);
