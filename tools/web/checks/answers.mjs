/** What this host computes for given cases; tests/recipes/test_web.py compares it with Python. */

import { load } from "../seqrt.mjs";
import { open, replay } from "../step.mjs";

const WRITTEN = [
  ["Zw\u00f6lf \u00c4pfel: ", { seed: 3 }],
  ["", { temperature: 0.8, topK: 40, seed: 2n ** 100n }],
  [new Uint8Array([255, 0]), { temperature: 0 }],
];

/**
 * @param {any} ort
 * @param {{file: string, wasm: ?string, sequences: any[], cuts: number[], texts: ?[string, number[]][]}[]} cases
 * @param {(file: string) => Promise<Uint8Array>} read
 */
export async function answers(ort, cases, read) {
  const found = [];
  for (const { file, wasm, sequences, cuts, texts } of cases) {
    const bytes = await read(file);
    const model = await load(bytes, ort);
    const answer = { file, replay: await model.replay(), predict: plain(await model.predict(sequences)) };
    if (model.manifest.streamable) {
      const stream = await model.stream();
      const parts = cuts.map((cut, i) => sequences[0].slice(i ? cuts[i - 1] : 0, cut));
      answer.pushes = plain(await Promise.all(parts.map((part) => stream.push(part))));
      const saved = await stream.save();
      answer.saved = Array.from(saved);
      answer.resumed = plain(await (await model.stream(saved)).push(sequences[1]));
    }
    if (texts) {
      answer.ids = texts.map(([text, at]) => idsOf(model, bytesOf(text), at));
      answer.strings = texts.map(([text]) => model.encode(new TextDecoder().decode(bytesOf(text))));
      answer.halves = idsOf(model, "na\u00efve \u{1f600} \u{1f680}", [7, 9, 10]);
      if (model.manifest.streamable && model.manifest.text.kind === "words") answer.live = await live(model);
      answer.texts = plain(await model.predict([bytesOf(texts[0][0]), "a GOOD film!"]));
    }
    if (model.manifest.task === "generate") answer.written = await written(model);
    answer.errors = await errors(model, sequences);
    answer.nan = await withNaN(ort, bytes);
    answer.damaged = await damaged(ort, bytes);
    if (wasm) {
      const step = await open(await read(wasm));
      answer.wasm = { replay: await replay(step, bytes) };
      step.state.fill(0);
      answer.wasm.steps = sequences[0].map((row) => plain(step.step(Array.isArray(row) ? row.map((value) => value ?? NaN) : row)));
      answer.wasm.state = plain(step.state);
      if (texts) answer.wasm.texts = texts.slice(0, 20).map(([text, [cut]]) => reading(step, bytesOf(text), cut));
    }
    found.push(answer);
  }
  return found;
}

/** What the C as wasm answers to a text in two pieces. */
function reading(step, text, cut) {
  step.state.fill(0);
  step.read(text.subarray(0, cut));
  step.read(text.subarray(cut));
  step.end();
  return plain(step.y);
}

/** Texts of a language model, as pieces. */
async function written(model) {
  const texts = [];
  for (const [prompt, options] of WRITTEN) {
    const pieces = [];
    for await (const piece of model.generate(prompt, 200, options)) pieces.push(piece);
    texts.push(pieces);
  }
  return texts;
}

/** A stream of text that is saved in the middle of a word. */
async function live(model) {
  const stream = await model.stream();
  const pushes = await Promise.all(["a go", "od fi", "lm, na", "\u00efve"].map((piece) => stream.push(piece)));
  const refused = await stream.push([1]).then(() => "none", (error) => error.message.slice(0, 12));
  const saved = await stream.save();
  const ends = [await stream.push(" film!"), await (await model.stream(saved)).push(" film!")];
  return { pushes: plain(pushes), refused, saved: Array.from(saved), ends: plain(ends) };
}

/** The ids of a text as a whole, and of its pieces. */
function idsOf(model, text, cuts) {
  const live = model.tokenizer.live();
  const pieces = [...cuts, text.length].map((cut, i) => live.push(text.slice(i ? cuts[i - 1] : 0, cut)));
  return [model.encode(text), [...pieces.flat(), ...live.end()]];
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** The first words of what goes wrong for inputs that do not fit. */
async function errors(model, sequences) {
  const wrong = [[[]], [[[NaN, Infinity]]], [[["a"]]], [sequences[0], null]];
  const words = [];
  for (const input of wrong) {
    words.push(await model.predict(input).then(() => "none", (error) => `${error.message}`.slice(0, 40)));
  }
  try {
    model.encode(model.tokenizer ? 5 : "a text");
  } catch (error) {
    words.push(error.message.slice(0, 40));
  }
  words.push(`${(await model.predict([])).length} outputs`);
  return words;
}

/** What the proof says of a host whose last output is NaN. */
async function withNaN(ort, bytes) {
  const model = await load(bytes, ort);
  const run = model.run.bind(model);
  model.run = async (...given) => {
    const outputs = await run(...given);
    outputs[model.heads[0].name][0] = NaN;
    return outputs;
  };
  const { ok, y } = await model.replay();
  return `${ok}, off by ${y.error}`;
}

/** The first words of what `load` says of files that are cut, changed, or something else. */
async function damaged(ort, bytes) {
  const flipped = bytes.slice();
  flipped[Math.floor(flipped.length / 2)] ^= 1;
  const text = new TextEncoder().encode("hello, this is no model");
  const files = [flipped, bytes.slice(0, 1000), bytes.slice(0, -1), new Uint8Array(), text];
  const words = [];
  for (const file of files) words.push(await load(file, ort).then(() => "none", (error) => `${error.message}`.slice(0, 40)));
  return words;
}

/** JSON has no typed arrays and no NaN. */
function plain(value) {
  if (ArrayBuffer.isView(value)) return Array.from(value, (x) => (Number.isFinite(x) ? x : `${x}`));
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  }
  return value;
}
