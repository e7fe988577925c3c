/** Posts the answers of onnxruntime-web to the server of tests/recipes/test_web.py. */

import * as ort from "../node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";

import { answers } from "./answers.mjs";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("../node_modules/onnxruntime-web/dist/", import.meta.url).href;

const read = async (file) => new Uint8Array(await (await fetch(`/files/${file}`)).arrayBuffer());
let body;
try {
  const cases = await (await fetch("/cases.json")).json();
  body = { agent: navigator.userAgent, answers: await answers(ort, cases, read) };
} catch (error) {
  body = { error: `${error.stack ?? error}` };
}
await fetch("/answers", { method: "POST", body: JSON.stringify(body) });
