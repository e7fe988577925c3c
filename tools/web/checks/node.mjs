/** Prints the answers of onnxruntime-node: node node.mjs CASES.json FOLDER */

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import ort from "onnxruntime-node";

import { answers } from "./answers.mjs";

const [cases, folder] = process.argv.slice(2);
const read = async (file) => new Uint8Array(await readFile(resolve(folder, file)));
console.log(JSON.stringify(await answers(ort, JSON.parse(await readFile(cases)), read)));
