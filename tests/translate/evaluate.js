/**
 * Runs translated rules for the Python tests: one JSON request a line, one answer a line.
 *
 * {"file": path of a module, "calls": [[function, [argument, ...]], ...]} is answered by a list of [result, arguments], in which
 * every number is the hexadecimal form of its double, so that not a bit is lost on the way.
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

/** @param {any} value @returns {any} */
function shown(value) {
  if (typeof value === "number") {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value === 0 ? 0 : value); // the sign of a zero is not part of the promise
    return Number.isNaN(value) ? "nan" : bytes.toString("hex");
  }
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]));
  }
  return value ?? null;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { file, calls } = JSON.parse(line);
  const module = await import(pathToFileURL(file).href);
  const answers = calls.map((/** @type {[string, any[]]} */ [name, given]) => {
    const result = module[name](...given);
    return [shown(result), given.map(shown)];
  });
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}
