/**
 * Runs a model that `seqrt export --to c` wrote and wasm/build compiled: a step at a time, at once.
 *
 *     const model = await open(await (await fetch("pump.wasm")).arrayBuffer());
 *     const y = model.step([0.9]);
 *
 * Nothing here waits, so a step may run inside an AudioWorklet or an animation frame.
 */

import { Model, parse } from "./seqrt.mjs";

const encoder = new TextEncoder();

/**
 * @param {BufferSource} bytes the .wasm file
 * @returns {Promise<Step>}
 */
export async function open(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes);
  return new Step(instance.exports);
}

/** One model with one live stream. */
export class Step {
  /** @param {any} code what the .wasm exports */
  constructor(code) {
    const { buffer } = code.memory; // it never grows
    this.code = code;
    this.x = new Float32Array(buffer, code.at_x(), code.features());
    this.id = new Int32Array(buffer, code.at_x(), 1);
    this.y = new Float32Array(buffer, code.at_y(), code.outputs());
    /** The state (S,), float for float that of Python; `state.fill(0)` starts a new stream. */
    this.state = new Float32Array(buffer, code.at_state(), code.size());
  }

  /**
   * Advances by one step; NaN is a missing value where the model has a policy for them.
   *
   * @param {ArrayLike<number> | number} row D numbers, or one id of a model that reads tokens
   * @returns {Float32Array} the outputs (O,) after this step; the next step writes over them
   */
  step(row) {
    if (typeof row === "number") this.id[0] = row;
    else this.x.set(row);
    this.code.step();
    return this.y;
  }

  /**
   * Advances by the tokens that end in a piece of text, of a model that reads text. The text may be cut anywhere.
   *
   * @param {string | Uint8Array} piece a string must not end in half a surrogate pair
   * @returns {?Float32Array} the outputs (O,) after the last of these tokens, null if there is none
   */
  read(piece) {
    let steps = 0;
    for (const byte of typeof piece === "string" ? encoder.encode(piece) : piece) steps += this.code.read_byte(byte);
    return steps ? this.y : null;
  }

  /** Ends a text, and returns the same of the word that waited for the byte after it. */
  end() {
    return this.code.end_text() ? this.y : null;
  }
}

/**
 * Replays the proof of an .onnx file with the step that was compiled from it, as `Model.replay` does.
 *
 * @param {Step} step
 * @param {Uint8Array} onnx
 */
export async function replay(step, onnx) {
  const { manifest, proof, digest } = await parse(onnx);
  const model = new Model(null, null, manifest, proof, digest);
  model.run = async (x, lengths, time, state) => rows(step, model, x, lengths, time, state);
  return model.replay();
}

/** Runs a batch row by row and step by step; what stands behind the length of a row is left zero. */
function rows(step, model, x, lengths, time, state) {
  const { tokens, features, state_size } = model.manifest;
  const perStep = (head) => head.head === "sequence";
  const outputs = { state_out: new Float32Array(lengths.length * state_size) };
  for (const head of model.heads) {
    outputs[head.name] = new Float32Array(lengths.length * (perStep(head) ? time : 1) * head.outputs);
  }
  lengths.forEach((length, i) => {
    step.state.set(state.subarray(i * state_size, (i + 1) * state_size));
    for (let t = 0; t < length; t++) {
      const at = i * time + t;
      const y = step.step(tokens ? Number(x[at]) : x.subarray(at * features.length, (at + 1) * features.length));
      let first = 0;
      for (const head of model.heads) {
        const row = perStep(head) ? at : i;
        outputs[head.name].set(y.subarray(first, first + head.outputs), row * head.outputs);
        first += head.outputs;
      }
    }
    outputs.state_out.set(step.state, i * state_size);
  });
  return outputs;
}
