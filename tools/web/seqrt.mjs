/**
 * Runs seqrt models with onnxruntime-web or onnxruntime-node: manifest, proof, predictions, streams.
 *
 *     import * as ort from "onnxruntime-node";
 *     const model = await load(new Uint8Array(await readFile("pump.onnx")), ort);
 *     if (!(await model.replay()).ok) throw new Error("this host computes something else");
 *     const y = await model.predict([[[0.9], [1.0], [1.1]]]);
 *
 * Shapes: B sequences, T steps, D features, O outputs, S numbers of state.
 *
 * @typedef {(number | null)[] | Float32Array} Row one step: D numbers; null or NaN for a missing value
 * @typedef {Row[] | string | Uint8Array} Sequence T rows; of a model that reads tokens, T ids or their text
 * @typedef {{name: string, unit: string, mean: number, scale: number, low: ?number, high: ?number}} Column
 * @typedef {{name: string, outputs: number, head: "last" | "sequence"}} Head
 * @typedef {{error: number, allowed: number}} Found
 * @typedef {Float32Array | Float32Array[]} Output of head "last" (O,), of head "sequence" one (O,) for each step
 */

import { LONGEST, Tokenizer } from "./text.mjs";
import { write } from "./writing.mjs";

const decoder = new TextDecoder();
const MAGIC = "seqrt.state.2\n";
const SEAL_BYTES = 80;

/** An input, a file or a state that cannot be used; the message starts with a stable code. */
export class SeqrtError extends Error {}

/**
 * Opens a model: checks its seal, and starts a session of `ort` on one thread.
 *
 * The seal finds damage. It is no signature, and nothing else of the file is checked here: open
 * files from strangers with `seqrt validate` first.
 *
 * @param {Uint8Array} bytes the whole file
 * @param {any} ort the module onnxruntime-web or onnxruntime-node
 * @returns {Promise<Model>}
 */
export async function load(bytes, ort) {
  const { manifest, proof, digest } = await parse(bytes);
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  return new Model(ort, session, manifest, proof, digest);
}

/**
 * Checks the seal of a model, and returns its manifest, its proof, and the SHA-256 of the file.
 *
 * @param {Uint8Array} bytes the whole file
 */
export async function parse(bytes) {
  const metadata = readMetadata(bytes);
  if (!metadata.has("seqrt.manifest") || !metadata.has("seqrt.proof")) {
    throw new SeqrtError("E_MODEL: the file must be a model that seqrt exported, with manifest and proof.");
  }
  const sealed = hex(await sha256(bytes.subarray(0, bytes.length - SEAL_BYTES)));
  if (metadata.get("seqrt.seal") !== sealed) {
    throw new SeqrtError("E_MODEL_SEAL: the model is damaged, or was changed after export. Copy it again.");
  }
  const manifest = JSON.parse(metadata.get("seqrt.manifest"));
  if (manifest.format > 2) {
    throw new SeqrtError(`E_MODEL_VERSION: the model has format ${manifest.format}; this module reads up to 2.`);
  }
  return { manifest, proof: JSON.parse(metadata.get("seqrt.proof")), digest: await sha256(bytes) };
}

/** A trained network, opened by `load`. It keeps no state between calls. */
export class Model {
  constructor(ort, session, manifest, proof, digest) {
    this.ort = ort;
    this.session = session;
    /** What the file says about its network; its keys are in seqrt/contract/README.md. */
    this.manifest = manifest;
    this.proof = proof;
    this.digest = digest;
    /** Maps text to ids, of a model that reads text; else null. */
    this.tokenizer = manifest.text ? new Tokenizer(manifest.text) : null;
    /** @type {Head[]} */
    this.heads = manifest.heads ?? [{ name: "y", outputs: manifest.outputs.length, head: manifest.head }];
  }

  /**
   * Maps sequences of any lengths to outputs, each from zero state.
   *
   * @param {Sequence[]} sequences
   * @returns {Promise<any[]>} an Output for each; of a model with several outputs an object of them by name
   */
  async predict(sequences) {
    if (!sequences.length) return []; // onnxruntime-web aborts on an empty batch
    sequences = sequences.map((rows) => this.ids(rows));
    sequences.forEach((rows, i) => this.check(rows, `x[item ${i}`));
    const lengths = Int32Array.from(sequences, (rows) => rows.length);
    const time = Math.max(...lengths);
    const state = new Float32Array(sequences.length * this.manifest.state_size);
    const outputs = await this.run(this.pack(sequences, time), lengths, time, state);
    return sequences.map((_, i) => this.item(outputs, i, lengths[i], time));
  }

  /**
   * Starts a live sequence from zero state, or continues one that was saved here or in Python.
   *
   * @param {Uint8Array} [saved] what `Stream.save` returned
   * @returns {Promise<Stream>}
   */
  async stream(saved) {
    if (!this.manifest.streamable) {
      throw new SeqrtError("E_STREAM: this network cannot stream. Use predict on whole sequences.");
    }
    const stream = new Stream(this);
    if (saved) await stream.restore(saved);
    return stream;
  }

  /**
   * Replays the proof: are these the numbers of the trained network? NaN is an infinite error.
   *
   * @returns {Promise<{ok: boolean, y: Found, state_out: Found}>} errors in units of each output's scale
   */
  async replay() {
    const errors = { y: 0, state_out: 0 };
    const sizes = { y: 0, state_out: 0 };
    for (const record of this.proof) {
      const [x, lengths, state, y, end] = ["x", "lengths", "state", "y", "state_out"].map((name) =>
        readArray(record[name]),
      );
      const [batch, time] = x.dims;
      const outputs = await this.run(x.data, lengths.data, time, state.data);
      if (this.manifest.streamable) measure("state_out", outputs.state_out, end.data, end.data.length);
      let first = 0;
      for (const head of this.heads) {
        const columns = this.manifest.outputs.slice(first, first + head.outputs);
        for (let i = 0; i < batch; i++) {
          for (let t = 0; t < (head.head === "sequence" ? lengths.data[i] : 1); t++) {
            const step = head.head === "sequence" ? t : lengths.data[i] - 1;
            const row = this.manifest.head === "sequence" ? i * time + step : i;
            const got = head.head === "sequence" ? i * time + step : i;
            columns.forEach(({ mean, scale }, k) => {
              const truth = y.data[row * this.manifest.outputs.length + first + k];
              const value = outputs[head.name][got * head.outputs + k];
              note("y", (value - truth) / scale, (truth - mean) / scale);
            });
          }
        }
        first += head.outputs;
      }
    }
    const found = (name, key) => {
      const torch = Math.max(...this.proof.map((record) => record[key]));
      return { error: errors[name], allowed: 8 * torch + 1e-6 * sizes[name] };
    };
    const y = found("y", "torch_error");
    const state_out = found("state_out", "torch_state_error");
    return { ok: y.error <= y.allowed && state_out.error <= state_out.allowed, y, state_out };

    function measure(name, values, truth, count) {
      for (let i = 0; i < count; i++) note(name, values[i] - truth[i], truth[i]);
    }
    function note(name, error, size) {
      errors[name] = Math.max(errors[name], Number.isNaN(error) ? Infinity : Math.abs(error));
      sizes[name] = Math.max(sizes[name], Math.abs(size));
    }
  }

  /**
   * Returns the ids of a text; an unknown word has id 0.
   *
   * @param {string | Uint8Array} text
   * @returns {number[]}
   */
  encode(text) {
    if (!this.tokenizer) throw new SeqrtError("E_INPUT_TYPE: encode needs a model that reads text; this one does not.");
    if (!isText(text)) {
      throw new SeqrtError(`E_INPUT_TYPE: a text must be a string or a Uint8Array, got ${text}.`);
    }
    return this.tokenizer.encode(text);
  }

  /**
   * Yields text that continues a prompt, piece by piece; of a language model.
   *
   * A seed draws the same random numbers as in Python. The text is the same until a probability that differs in its last
   * bits makes a difference.
   *
   * @param {string | Uint8Array} prompt
   * @param {number} [n] bytes
   * @param {{temperature?: number, topK?: number, seed?: number | bigint}} [options] as in Python
   * @returns {AsyncGenerator<string>}
   */
  generate(prompt, n = 500, { temperature = 1, topK = 256, seed } = {}) {
    const { task } = this.manifest;
    if (task !== "generate") throw new SeqrtError(`generate needs a language model; the task of this one is ${task}. Use predict.`);
    if (!isText(prompt)) throw new SeqrtError(`the prompt must be a string or a Uint8Array, got ${prompt}.`);
    if (!(temperature >= 0 && temperature < Infinity)) throw new SeqrtError(`temperature must be a number from 0, got ${temperature}.`);
    for (const [name, value, least] of [["n", n, 0], ["topK", topK, 1]]) {
      if (!Number.isInteger(value) || value < least) throw new SeqrtError(`${name} must be a whole number from ${least}, got ${value}.`);
    }
    return write(this, prompt, n, { temperature, topK, seed });
  }

  /** Returns text as ids, and anything else as it is. */
  ids(rows) {
    return this.tokenizer && isText(rows) ? this.encode(rows) : rows;
  }

  /** Runs the graph once, on flat arrays; returns the flat outputs by name. */
  async run(x, lengths, time, state) {
    const { Tensor } = this.ort;
    const { tokens, features, streamable, state_size } = this.manifest;
    const batch = lengths.length;
    const feeds = {
      x: tokens ? new Tensor("int64", x, [batch, time]) : new Tensor("float32", x, [batch, time, features.length]),
      lengths: new Tensor("int32", lengths, [batch]), // int64 is "Unexpected input data type"
    };
    if (streamable) feeds.state = new Tensor("float32", state, [batch, state_size]);
    const outputs = await this.session.run(feeds);
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
  }

  /** Returns rows as one flat array (B, T, D), padded with zeros: the kernels check nothing. */
  pack(sequences, time) {
    const { tokens, features } = this.manifest;
    const width = tokens ? 1 : features.length;
    const x = tokens ? new BigInt64Array(sequences.length * time) : new Float32Array(sequences.length * time * width);
    sequences.forEach((rows, i) =>
      rows.forEach((row, t) => {
        if (tokens) x[i * time + t] = BigInt(row);
        else for (let k = 0; k < width; k++) x[(i * time + t) * width + k] = row[k] ?? NaN;
      }),
    );
    return x;
  }

  /** Throws a SeqrtError at the first row of a sequence that does not fit. */
  check(rows, place) {
    const { tokens, features, missing, least = 1 } = this.manifest;
    if (!Array.isArray(rows) || rows.length < least) {
      throw new SeqrtError(`E_INPUT_LENGTHS: ${place}] must be an array of at least ${least} steps, got ${rows?.length}.`);
    }
    rows.forEach((row, t) => {
      if (tokens) {
        if (Number.isInteger(row) && row >= 0 && row < tokens) return;
        throw new SeqrtError(`E_INPUT_RANGE: ${place}, step ${t}] must be an id from 0 to ${tokens - 1}, got ${row}.`);
      }
      if (row?.length !== features.length) {
        throw new SeqrtError(`E_INPUT_SHAPE: ${place}, step ${t}] must be a row of ${features.length} numbers.`);
      }
      for (let k = 0; k < row.length; k++) {
        const value = row[k] ?? NaN;
        if (Number.isFinite(Math.fround(value)) || (Number.isNaN(value) && (missing ?? "error") !== "error")) continue;
        throw new SeqrtError(`E_INPUT_NONFINITE: ${place}, step ${t}, feature ${k}] must be a finite number, got ${row[k]}.`);
      }
    });
  }

  /** Returns the outputs of item i, which has `length` of `time` steps. */
  item(outputs, i, length, time) {
    const parts = this.heads.map(({ name, outputs: width, head }) => {
      const rows = head === "sequence" ? [...Array(length).keys()].map((t) => i * time + t) : [i];
      const values = rows.map((row) => outputs[name].slice(row * width, (row + 1) * width));
      return [name, head === "sequence" ? values : values[0]];
    });
    return this.manifest.heads ? Object.fromEntries(parts) : parts[0][1];
  }
}

function isText(rows) {
  return typeof rows === "string" || rows instanceof Uint8Array;
}

/** One live sequence with its state; pushes that overlap are done one after the other. */
export class Stream {
  constructor(model) {
    this.model = model;
    /** The state (S,), float for float that of Python, of C, and of `state_out`. */
    this.state = new Float32Array(model.manifest.state_size);
    this.steps = 0;
    /** Of a model that reads text: the word that has begun. */
    this.live = model.tokenizer?.live();
    this.turn = Promise.resolve();
  }

  /**
   * Advances by some steps, and returns the outputs; after an error the stream is unchanged.
   *
   * Text may be cut anywhere: a word is read when the byte after it arrives, so push " " after the last one. A piece
   * in which no word ends gives null, or [] for a `sequence` head.
   *
   * @param {Sequence} rows at least one step; however a sequence is cut, its outputs are the same
   * @returns {Promise<any>} an Output, or an object of them by name
   */
  push(rows) {
    const pushed = this.turn.then(() => this.advance(rows));
    this.turn = pushed.catch(() => {});
    return pushed;
  }

  async advance(rows) {
    const { model } = this;
    const live = this.live?.copy();
    const text = live && isText(rows);
    if (text) rows = live.push(rows);
    else if (live?.waits) throw new SeqrtError('E_INPUT_TYPE: the stream holds a word that has not ended. Push " " before ids.');
    if (text && !rows.length) {
      this.live = live;
      const none = model.heads.map(({ name, head }) => [name, head === "sequence" ? [] : null]);
      return model.manifest.heads ? Object.fromEntries(none) : none[0][1];
    }
    model.check(rows, "x[item 0");
    const lengths = Int32Array.of(rows.length);
    const outputs = await model.run(model.pack([rows], rows.length), lengths, rows.length, this.state);
    this.state = outputs.state_out.slice();
    this.steps += rows.length;
    this.live = live;
    return model.item(outputs, 0, rows.length, rows.length);
  }

  /** Returns the state as bytes, for `Model.stream` here and in Python. */
  async save() {
    await this.turn;
    const numbers = [...this.state, ...this.word()];
    const content = new Uint8Array(MAGIC.length + 32 + 8 + 4 * numbers.length);
    const view = new DataView(content.buffer);
    content.set(new TextEncoder().encode(MAGIC));
    content.set(this.model.digest, MAGIC.length);
    view.setBigUint64(MAGIC.length + 32, BigInt(this.steps), true);
    numbers.forEach((value, i) => view.setFloat32(MAGIC.length + 40 + 4 * i, value, true));
    const saved = new Uint8Array(content.length + 32);
    saved.set(content);
    saved.set(await sha256(content), content.length);
    return saved;
  }

  async restore(saved) {
    const content = saved.subarray(0, saved.length - 32);
    const view = new DataView(content.buffer, content.byteOffset, content.length);
    const digest = hex(content.subarray(MAGIC.length, MAGIC.length + 32));
    const whole = hex(await sha256(content)) === hex(saved.subarray(saved.length - 32));
    if (decoder.decode(content.subarray(0, MAGIC.length)) !== MAGIC || !whole) {
      throw new SeqrtError("E_STATE: a saved state must be the bytes that Stream.save returned, undamaged.");
    }
    if (digest !== hex(this.model.digest)) {
      throw new SeqrtError(`E_STATE_MODEL: the state was saved by the model with SHA-256 ${digest.slice(0, 12)}...`);
    }
    const at = MAGIC.length + 40; // what a watched stream in Python adds after the state is not read
    this.steps = Number(view.getBigUint64(MAGIC.length + 32, true));
    this.state = Float32Array.from(this.state, (_, i) => view.getFloat32(at + 4 * i, true));
    if (!this.live) return;
    const word = at + 4 * this.state.length;
    const size = Math.min(LONGEST + 1, (content.length - word) / 4);
    const bytes = Array.from({ length: size }, (_, i) => view.getFloat32(word + 4 * i, true));
    this.live = this.model.tokenizer.live();
    this.live.push(Uint8Array.from(bytes.filter(Boolean)));
  }

  /** Returns the bytes of the word that has begun as a saved state holds them, none if there is no word. */
  word() {
    const { held = "", half = "" } = this.live ?? {};
    if (half) throw new SeqrtError("E_STATE: the text ends in half a surrogate pair. Push the other half before you save.");
    return held && Array.from({ length: LONGEST + 1 }, (_, i) => (i < held.length ? held.charCodeAt(i) : 0));
  }
}

/**
 * Returns the metadata records of an ONNX file: onnxruntime in JavaScript has no call for them.
 *
 * They are field 14 of the protobuf message, each with a key (1) and a value (2).
 *
 * @param {Uint8Array} bytes
 * @returns {Map<string, string>}
 */
export function readMetadata(bytes) {
  const records = new Map();
  for (const [field, value] of readFields(bytes)) {
    if (field !== 14) continue;
    const record = new Map(readFields(value));
    records.set(decoder.decode(record.get(1)), decoder.decode(record.get(2)));
  }
  return records;
}

/**
 * Returns [number, bytes] for each field of a protobuf message that holds bytes; skips the others.
 *
 * @param {Uint8Array} bytes
 * @returns {[number, Uint8Array][]}
 */
function readFields(bytes) {
  /** @type {[number, Uint8Array][]} */
  const fields = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale; // not <<, which has 32 bits
      if (byte < 128) return value;
    }
    throw new SeqrtError("E_MODEL: the file is not an ONNX file, or is cut short.");
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key & 7;
    const size = kind === 0 || kind === 2 ? varint() : kind === 1 ? 8 : 4;
    if (kind === 0) continue;
    if (at + size > bytes.length) throw new SeqrtError("E_MODEL: the file is not an ONNX file, or is cut short.");
    if (kind === 2) fields.push([Math.floor(key / 8), bytes.subarray(at, at + size)]);
    at += size;
  }
  return fields;
}

/** Returns an array of the proof: its shape, and its numbers in a typed array. */
function readArray({ shape, dtype, data }) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const Kind = { "<f4": Float32Array, "<f8": Float64Array, "<i4": Int32Array, "<i8": BigInt64Array }[dtype];
  return { dims: shape, data: new Kind(bytes.buffer) };
}

async function sha256(bytes) {
  return new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes));
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
