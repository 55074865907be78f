/**
 * Times what a browser does with a delta: decode the frame and apply it to the replica.
 *
 * Runs in Node and in a page alike: `modules` is where the SDK is imported from, `frames` are base64. Each round takes
 * the frames one after another, so that nothing is decoded twice in a row. Returns the mean of a frame in ms, and what the
 * replica holds in the end.
 */
export async function timeDecoding(modules, schema, frames, rounds) {
  const [{ BinaryCodec }, { Replica }, { compileSchema }] = await Promise.all(
    ["codec", "replica", "schema"].map((name) => import(`${modules}/${name}.js`)),
  );
  const compiled = compileSchema(schema);
  const codec = new BinaryCodec(compiled, null, 0);
  const replica = new Replica(compiled);
  const [full, ...deltas] = frames.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
  replica.apply(codec.decode(full));
  const run = (count) => {
    for (let i = 0; i < count; i++) replica.apply(codec.decode(deltas[i % deltas.length]));
  };
  const began = performance.now();
  run(rounds);
  const cold = (performance.now() - began) / rounds;
  const settled = performance.now();
  run(rounds);
  const warm = (performance.now() - settled) / rounds;
  return { cold_ms: cold, warm_ms: warm, entities: replica.size, x: replica.get(replica.size).x };
}

if (typeof process !== "undefined" && process.argv[2]) {
  const { readFileSync } = await import("node:fs");
  const { modules, schema, frames, rounds } = JSON.parse(readFileSync(0, "utf8"));
  console.log(JSON.stringify(await timeDecoding(modules, schema, frames, rounds)));
}
