/** The page: opens a model, replays its proof, and follows a live input step by step. */

import { draw, linesOf } from "./chart.mjs";
import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { Reading } from "./reading.mjs";
import { load } from "./seqrt.mjs";

ort.env.wasm.numThreads = 1; // two are no faster for a step, and need two headers
ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;

const KEPT = 400;
const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
let model, reading, writing, stream, lines, history, times, table, busy, pointer;
let paused = false;

async function open(bytes) {
  stream = reading = writing = undefined;
  model = await load(bytes, ort);
  const { manifest } = model;
  const layers = manifest.layers.map(({ cell, units, bidirectional }) => `${cell} ${units}${bidirectional ? ", bidirectional" : ""}`);
  $("name").textContent = manifest.name;
  $("facts").textContent =
    `${manifest.task}; ${layers.join(" → ")}; ${manifest.features.map((c) => c.name).slice(0, 4).join(", ")}` +
    ` → ${manifest.task === "generate" ? "the next byte" : manifest.outputs.map((c) => c.name).slice(0, 4).join(", ")}; ${bytes.length.toLocaleString("en")} bytes`;
  document.body.classList.toggle("still", !manifest.streamable || Boolean(manifest.text));
  document.body.classList.toggle("reads", Boolean(manifest.text));
  document.body.classList.toggle("writes", manifest.task === "generate");
  $("written").textContent = "";
  await replay();
  if (manifest.text) {
    reading = new Reading(model, { box: $("text"), counted: $("counted"), answers: $("answers") });
    await reading.read();
    if (manifest.task === "generate" && asked.has("write")) await write();
    return;
  }
  if (!manifest.streamable) {
    $("facts").textContent += ". This network reads whole sequences and cannot stream.";
    return;
  }
  lines = linesOf(manifest, { width: model.heads[0].outputs });
  legend();
  say("size", `${manifest.state_size.toLocaleString("en")} numbers`);
  await start();
}

async function replay() {
  const { ok, y, state_out } = await model.replay();
  const parts = [`outputs off by ${y.error.toExponential(1)}, allowed ${y.allowed.toExponential(1)}`];
  if (model.manifest.streamable) {
    parts.push(`state off by ${state_out.error.toExponential(1)}, allowed ${state_out.allowed.toExponential(1)}`);
  }
  $("proof").className = `proof ${ok ? "right" : "wrong"}`;
  $("proof").textContent = `${ok ? "The proof holds in this browser" : "This browser computes something else"}: ${parts.join("; ")}.`;
  document.body.dataset.ready = `${ok}`;
}

async function start(saved) {
  stream = await model.stream(saved);
  history = [];
  times = [];
}

/** Takes one step, unless the one before is still running. */
async function step() {
  if (paused || busy || !stream) return;
  const row = nextRow(stream.steps);
  if (!row) return;
  busy = true;
  try {
    const began = performance.now();
    const y = await stream.push([row]);
    times.push(performance.now() - began);
    const outputs = model.manifest.heads ? y[model.heads[0].name] : y;
    const output = model.heads[0].head === "sequence" ? outputs[0] : outputs;
    history.push({ input: model.manifest.tokens ? [row] : row, output });
    if (history.length > KEPT) history.shift();
    if (times.length > KEPT) times.shift();
    show(output);
  } catch (error) {
    paused = true;
    say("last", error.message);
  } finally {
    busy = false;
  }
}

function show(output) {
  // a mean, because a browser rounds its clock to 0.1 ms
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  say("steps", stream.steps.toLocaleString("en"));
  say("time", mean < 1 ? `${Math.round(1000 * mean)} µs` : `${mean.toFixed(1)} ms`);
  say("last", Array.from(output).slice(0, 3).map((value) => value.toPrecision(4)).join(", "));
}

/** Returns the features of the next step: of the wave, the pointer or the table. */
function nextRow(t) {
  const { manifest } = model;
  if (manifest.tokens) return Math.floor(Math.random() * manifest.tokens);
  const source = $("source").value;
  if (source === "table") return table?.[t % table.length];
  return manifest.features.map((column, k) => {
    const low = column.low ?? column.mean - 2 * column.scale;
    const high = column.high ?? column.mean + 2 * column.scale;
    if (source === "pointer") return low + (high - low) * (pointer ?? 0.5);
    const wave = Math.sin((2 * Math.PI * t) / (Math.max(2, Number($("period").value)) * (1 + 0.6 * k)));
    const noise = 0.04 * (Math.random() - 0.5);
    return low + (high - low) * (0.5 + 0.4 * wave + noise);
  });
}

/** Reads a CSV file whose first line names the features, in any order. */
function readTable(text) {
  const [names, ...rows] = text.trim().split(/\r?\n/).map((line) => line.split(/[,;\t]/).map((cell) => cell.trim()));
  const columns = model.manifest.features.map(({ name }) => names.indexOf(name));
  const missing = model.manifest.features.filter((_, k) => columns[k] < 0).map(({ name }) => name);
  if (missing.length) throw new Error(`The file must have the columns ${missing.join(", ")}.`);
  return rows.map((cells) => columns.map((k) => (cells[k] === "" ? null : Number(cells[k]))));
}

/** Writes on after the text, until it is done, the button is pressed again, or another model is opened. */
async function write() {
  const [count, temperature, topK, seed] = ["count", "temperature", "top", "seed"].map((id) => Number($(id).value));
  const own = (writing = {});
  $("written").textContent = $("text").value;
  for await (const piece of model.generate($("text").value, count, { temperature, topK, seed })) {
    if (own !== writing) return;
    $("written").append(piece);
  }
}

function legend() {
  $("legend").replaceChildren(
    ...lines.map(({ name, from, colour, dashed }) => {
      const item = document.createElement("span");
      const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      const shape = { x1: 0, x2: "100%", y1: 4, y2: 4, stroke: colour, "stroke-width": 2.5 };
      if (dashed) shape["stroke-dasharray"] = "5 3";
      for (const [key, value] of Object.entries(shape)) line.setAttribute(key, value);
      picture.append(line);
      item.append(picture, `${from}: ${name}`);
      return item;
    }),
  );
}

function say(id, text) {
  $(id).textContent = text;
}

function fail(error) {
  $("proof").className = "proof wrong";
  $("proof").textContent = error.message;
}

async function contentOf(input) {
  const bytes = new Uint8Array(await input.files[0].arrayBuffer());
  input.value = ""; // so that the same file can be chosen again
  return bytes;
}

function repeat() {
  step().then(() => setTimeout(repeat, 1000 / Number($("rate").value)));
}

function redraw() {
  if (stream) draw($("chart"), lines, history);
  requestAnimationFrame(redraw);
}

$("file").onchange = async () => open(await contentOf($("file"))).catch(fail);
$("state").onchange = async () => start(await contentOf($("state"))).catch(fail);
$("restart").onclick = () => stream && start();
$("pause").onclick = () => say("pause", (paused = !paused) ? "Continue" : "Pause");
$("source").onchange = () => $("source").value === "table" && $("table").click();
$("table").onchange = async () => {
  try {
    table = readTable(new TextDecoder().decode(await contentOf($("table"))));
    await start();
  } catch (error) {
    fail(error);
  }
};
$("chart").onpointermove = (event) => {
  pointer = 1 - event.offsetY / $("chart").clientHeight;
};
$("save").onclick = async () => {
  if (!stream) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([await stream.save()]));
  link.download = `${model.manifest.name}.state`;
  link.click();
  URL.revokeObjectURL(link.href);
};

repeat();
redraw();
$("text").oninput = () => reading?.read().catch(fail);
$("text").value = asked.get("text") ?? "";
$("count").value = asked.get("write") ?? $("count").value;
$("write").onsubmit = (event) => {
  event.preventDefault();
  write().catch(fail);
};
const address = asked.get("model") ?? "../../models/sunspots.onnx";
fetch(address)
  .then(async (answer) => {
    if (!answer.ok) throw new Error(`${address} gives status ${answer.status}. Open a model with the button.`);
    await open(new Uint8Array(await answer.arrayBuffer()));
  })
  .catch(fail);
