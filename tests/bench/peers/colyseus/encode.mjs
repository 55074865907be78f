/**
 * Times Colyseus' schema: change 3 fields of each of N entities, encode the patch, discard the changes.
 *
 * Usage: node encode.mjs N ROUNDS. Prints {"variant": {"us": median, "bytes": of a patch}, ...}; the first quarter of the rounds is warm-up.
 */
import { Encoder, schema, t } from "@colyseus/schema";

const count = Number(process.argv[2]);
const rounds = Number(process.argv[3]);
Encoder.BUFFER_SIZE = 1 << 20;    // its own advice for a large state

const quantised = () => t.quantized({ min: 0, max: 4096, bits: 16 });
const variants = {
  "float32 x, y and uint32": { x: t.float32(), y: t.float32(), z: t.uint32() },
  "three float32": { x: t.float32(), y: t.float32(), z: t.float32() },
  "three quantised 16-bit": { x: quantised(), y: quantised(), z: quantised() },
};

const results = {};
for (const [name, fields] of Object.entries(variants)) {
  const Thing = schema(fields, "Thing");
  const State = schema({ things: t.map(Thing) }, "State");
  const state = new State();
  const things = [];
  for (let i = 0; i < count; i++) {
    const thing = new Thing();
    thing.x = i % 4000;
    thing.y = i % 3000;
    thing.z = i % 2000;
    state.things.set(String(i), thing);
    things.push(thing);
  }
  const encoder = new Encoder(state);
  encoder.encodeAll();
  encoder.discardChanges();
  const times = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    for (let i = 0; i < count; i++) {
      const thing = things[i];
      thing.x = (i + round * 3) % 4000;
      thing.y = (i + round * 5) % 4000;
      thing.z = (i + round * 7) % 4000;
    }
    bytes = encoder.encode().length;
    encoder.discardChanges();
    times.push((performance.now() - began) * 1000);
  }
  const settled = times.slice(rounds >> 2).sort((a, b) => a - b);
  results[name] = { us: settled[settled.length >> 1], bytes };
}
console.log(JSON.stringify(results));
