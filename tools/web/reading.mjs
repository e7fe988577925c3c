/** The text box of the page: what a model that reads text answers, while one types. */

const MOST_ANSWERS = 10;

/** Follows a text box with the answers of a model. */
export class Reading {
  /**
   * @param {import("./seqrt.mjs").Model} model a model with `manifest.text`
   * @param {{box: HTMLTextAreaElement, counted: HTMLElement, answers: HTMLElement}} parts of the page
   */
  constructor(model, parts) {
    this.model = model;
    this.parts = parts;
    this.busy = false;
    this.waiting = false;
  }

  /** Reads the text, and once more if it changed in the meantime. */
  async read() {
    this.waiting = true;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.waiting) {
        this.waiting = false;
        await this.answer();
      }
    } finally {
      this.busy = false;
    }
  }

  async answer() {
    const { model, parts } = this;
    const ids = model.encode(parts.box.value);
    const { kind } = model.manifest.text;
    const unknown = kind === "words" ? `, ${ids.filter((id) => !id).length} of them unknown` : "";
    parts.counted.textContent = `${ids.length} ${kind}${unknown}`;
    if (ids.length < (model.manifest.least ?? 1)) {
      parts.answers.replaceChildren();
      return;
    }
    const [output] = await model.predict([ids]);
    const { name, head } = model.heads[0];
    const values = model.manifest.heads ? output[name] : output;
    this.show(head === "sequence" ? values.at(-1) : values);
  }

  /** Shows the outputs: the most probable classes, or all numbers. */
  show(values) {
    const { activation, outputs, task } = this.model.manifest;
    const name = (k) => (task === "generate" ? nameOf(k) : outputs[k].name);
    const named = Array.from(values, (value, k) => ({ name: name(k), value }));
    const chances = activation === "softmax" || activation === "sigmoid";
    if (chances) named.sort((a, b) => b.value - a.value);
    this.parts.answers.replaceChildren(...named.slice(0, MOST_ANSWERS).map((each) => row(each, chances)));
  }
}

/** Returns a byte as a character, if it is one of ASCII. */
function nameOf(byte) {
  return byte < 128 ? JSON.stringify(String.fromCharCode(byte)) : `byte ${byte}`;
}

function row({ name, value }, chances) {
  const line = document.createElement("tr");
  const cells = [name, chances ? `${(100 * value).toFixed(1)} %` : value.toPrecision(4)].map((text) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    return cell;
  });
  if (chances) {
    const bar = document.createElement("meter");
    bar.value = value;
    const cell = document.createElement("td");
    cell.append(bar);
    cells.push(cell);
  }
  line.append(...cells);
  return line;
}
