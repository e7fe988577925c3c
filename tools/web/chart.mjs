/** A chart of the last steps: inputs above, outputs below; forecasts of an input are drawn over it. */

export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const STEPS = 240;

/** One line of the chart: its label, its panel, its colour, and where its numbers come from. */
export function linesOf(manifest, output) {
  const inputs = manifest.tokens ? ["token"] : manifest.features.map((column) => column.name);
  const lines = inputs.slice(0, 3).map((name, k) => ({ name, from: "input", column: k, panel: 0, ahead: 0 }));
  const named = manifest.outputs.slice(0, output.width).map((column, k) => ({ name: column.name, column: k }));
  for (const { name, column } of named.slice(0, 6)) {
    const [, of, steps] = /^(.*)\+(\d+)(@.*)?$/.exec(name) ?? [];
    const over = inputs.slice(0, 3).indexOf(of) >= 0;
    lines.push({ name, from: "output", column, panel: over ? 0 : 1, ahead: over ? Number(steps) : 0, dashed: over });
  }
  return lines.map((line, i) => ({ ...line, colour: COLOURS[i % COLOURS.length] }));
}

/** Draws the history, an array of {input, output}, into a canvas. */
export function draw(canvas, lines, history) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas); // its colour and border are those of the text and the grid
  const panels = [...new Set(lines.map((line) => line.panel))];
  const gap = 18;
  const each = (height - gap * (panels.length - 1)) / panels.length;
  panels.forEach((panel, i) => {
    const box = { x: 46, y: i * (each + gap), width: width - 50, height: each };
    drawPanel(pen, box, lines.filter((line) => line.panel === panel), history.slice(-STEPS), style);
  });
}

function drawPanel(pen, box, lines, history, style) {
  const values = lines.flatMap((line) => history.map((step) => step[line.from]?.[line.column]));
  const finite = values.filter(Number.isFinite);
  let [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (!(high > low)) [low, high] = Number.isFinite(low) ? [low - 1, low + 1] : [0, 1];
  const room = 0.06 * (high - low);
  const top = box.y + 8;
  const y = (value) => top + (box.height - 16) * (1 - (value - low + room) / (high - low + 2 * room));
  const x = (t) => box.x + (box.width * t) / STEPS;
  drawGrid(pen, box, low, high, y, style);
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y, box.width, box.height);
  pen.clip();
  for (const line of lines) {
    pen.strokeStyle = line.colour;
    pen.lineWidth = 1.75;
    pen.setLineDash(line.dashed ? [5, 3] : []);
    pen.beginPath();
    let drawing = false;
    history.forEach((step, t) => {
      const value = step[line.from]?.[line.column];
      if (!Number.isFinite(value)) drawing = false;
      else if (drawing) pen.lineTo(x(t + line.ahead), y(value));
      else {
        pen.moveTo(x(t + line.ahead), y(value));
        drawing = true;
      }
    });
    pen.stroke();
  }
  pen.restore();
}

function drawGrid(pen, box, low, high, y, style) {
  pen.font = `12px ${style.fontFamily}`;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.setLineDash([]);
  pen.lineWidth = 1;
  for (const value of ticks(low, high)) {
    pen.strokeStyle = style.borderTopColor;
    pen.beginPath();
    pen.moveTo(box.x, Math.round(y(value)) + 0.5);
    pen.lineTo(box.x + box.width, Math.round(y(value)) + 0.5);
    pen.stroke();
    pen.fillStyle = style.color;
    pen.fillText(`${Number(value.toPrecision(4))}`, box.x - 6, y(value));
  }
}

/** Round numbers from low to high, about four. */
function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}
