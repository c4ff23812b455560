// Draws a generator's images: latents of seeds -> LiteRT.js -> canvases. docs/web.md of tfgan_zoo
// has the same latents in Python.

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

const STEPS = 8; // pictures on the way from first to second
const COLUMNS = 5;
const SAMPLES = 20;
const GAP = 1; // pixels between pictures of a canvas
const GOLDEN = 0x9e3779b9; // 2^32 over the golden ratio

const element = (id) => document.getElementById(id);
const number = (id) => element(id).valueAsNumber;

// --- Latents ---

// MurmurHash3's finaliser: 32 bits -> 32 bits.
function hashed(bits) {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

const density = (z) => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);

// Probability that a normal is in (0, z), by its power series.
function probability(z) {
  let term = z;
  let sum = z;
  for (let odd = 3; term > 1e-17 * sum; odd += 2) {
    term *= (z * z) / odd;
    sum += term;
  }
  return sum * density(z);
}

// The z of a probability in [0, 0.5): Newton's method, which approaches it from 0 without passing.
function quantile(wanted) {
  let z = 0;
  for (let round = 0; round < 60; round++) {
    const step = (wanted - probability(z)) / density(z);
    z += step;
    if (Math.abs(step) < 1e-12) break;
  }
  return z;
}

export function latents(seed, count, prior, truncation) {
  const start = hashed(seed + GOLDEN);
  const half = truncation === null ? 0.5 : probability(truncation);
  return Float32Array.from({ length: count }, (_, index) => {
    const bits = hashed(start + Math.imul(index + 1, GOLDEN));
    const centred = (2 * bits + 1) / 2 ** 32 - 1; // in (-1, 1), without its ends
    if (prior === "uniform") return centred;
    return Math.sign(centred) * quantile(half * Math.abs(centred));
  });
}

// --- Images ---

let about, model, classes;

// [H * W * C] in [-1, 1] of two ends {seed, label} and a position between them.
async function image(first, second, position, truncation) {
  const { shape, prior } = about.inputs.latents;
  const count = shape.reduce((product, size) => product * size, 1);
  const [a, b] = [first, second].map(({ seed }) => latents(seed, count, prior, truncation));
  const mixed = a.map((value, index) => (1 - position) * value + position * b[index]);
  const inputs = { latents: new Tensor(mixed, [1, ...shape]) };
  if (classes.length) {
    inputs.labels_a = new Tensor(Int32Array.of(first.label), [1]);
    inputs.labels_b = new Tensor(Int32Array.of(second.label), [1]);
    inputs.position = new Tensor(Float32Array.of(position), [1]);
  }
  const outputs = await model.run(inputs);
  const values = Float32Array.from(await outputs.image.data());
  for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.delete();
  return values;
}

function pixels(values) {
  const [height, width, channels] = about.outputs.image.shape;
  const drawn = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    for (let channel = 0; channel < 4; channel++) {
      const value = values[place * channels + Math.min(channel, channels - 1)];
      // Bytes of ImageData are clipped and rounded as they are assigned.
      drawn.data[place * 4 + channel] = channel === 3 ? 255 : (value + 1) * 127.5;
    }
  }
  return drawn;
}

async function paint(canvas, index, ...inputs) {
  const drawn = pixels(await image(...inputs));
  const [width, height] = [drawn.width + GAP, drawn.height + GAP];
  const columns = Math.floor((canvas.width + GAP) / width);
  const [left, top] = [index % columns, Math.floor(index / columns)];
  canvas.getContext("2d").putImageData(drawn, left * width, top * height);
}

// --- Controls ---

function settings() {
  const label = (name) => Number(element(`class-${name}`).value);
  const end = (name) => ({ seed: number(`seed-${name}`), label: label(name) });
  const normal = about.inputs.latents.prior === "normal";
  const truncated = normal && number("truncation") < Number(element("truncation").max);
  return {
    first: end("a"),
    second: end("b"),
    position: number("position"),
    truncation: truncated ? number("truncation") : null,
    samples: { seed: number("seed-samples"), label: element("class-samples").value },
  };
}

const named = (label) => (classes.length ? `class ${classes[label]}, ` : "");

function describe({ first, second, position, truncation, samples }) {
  const limit = truncation === null ? "none" : truncation.toFixed(2);
  const [a, b] = [first, second].map(({ seed, label }) => `${named(label)}seed ${seed}`);
  element("truncation-value").textContent = limit;
  element("position-value").textContent = `${Math.round(100 * position)} %`;
  element("picture").setAttribute("aria-label", position === 0 ? `Picture of ${a}`
    : `Picture at ${Math.round(100 * position)} % of the way from ${a} to ${b}`);
  element("way").setAttribute("aria-label", `${STEPS} pictures from ${a} to ${b}`);
  const seeds = `seeds ${samples.seed} to ${(samples.seed + SAMPLES - 1) % 2 ** 32}`;
  const which = !classes.length ? "" : samples.label === "all" ? "all classes in turn, "
    : named(samples.label);
  element("samples").setAttribute("aria-label", `${SAMPLES} samples: ${which}${seeds}`);
  element("caption").textContent = `Row by row: ${which}${seeds}.`;
}

// What the canvases show: jobs are [canvas, key, number of pictures, inputs of each].
function jobs({ first, second, position, truncation, samples }) {
  const all = samples.label === "all";
  const label = (index) => (all ? index % classes.length : Number(samples.label));
  const sample = (index) => ({ seed: (samples.seed + index) % 2 ** 32, label: label(index) });
  const picture = [first, second, position, truncation];
  return [
    ["picture", picture, 1, () => picture],
    ["way", [first, second, truncation], STEPS,
      (index) => [first, second, index / (STEPS - 1), truncation]],
    ["samples", [samples, truncation], SAMPLES,
      (index) => [sample(index), sample(index), 0, truncation]],
  ];
}

const shown = {};
let wanted = 0;
let drawing = false;

// Draws one picture at a time, so that the page stays alive, and starts over when settings change.
async function drawAll(turn) {
  for (const [id, values, count, inputs] of jobs(settings())) {
    const key = JSON.stringify(values);
    if (shown[id] === key) continue;
    shown[id] = null;
    for (let index = 0; index < count; index++) {
      await paint(element(id), index, ...inputs(index));
      await new Promise((resume) => setTimeout(resume));
      if (turn !== wanted) return;
    }
    shown[id] = key;
  }
}

async function update() {
  if (!element("controls").checkValidity()) {
    element("status").textContent = "Seeds are whole numbers from 0 to 4294967295.";
    return;
  }
  element("status").textContent = "";
  describe(settings());
  wanted++;
  if (drawing) return;
  drawing = true;
  document.querySelector("main").setAttribute("aria-busy", "true");
  try {
    for (let turn = null; turn !== wanted;) {
      turn = wanted;
      await drawAll(turn);
    }
  } catch (error) {
    fail(error);
  }
  drawing = false;
  document.querySelector("main").setAttribute("aria-busy", "false");
}

function fail(error) {
  document.querySelector("main").setAttribute("aria-busy", "false");
  element("status").textContent = `This browser could not draw: ${error.message ?? error}`;
  console.error(error);
}

function other(id) {
  element(id).value = crypto.getRandomValues(new Uint32Array(1))[0];
  update();
}

function save(id) {
  element(id).toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${about.name}-${id}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

// --- Start ---

function listClasses() {
  for (const name of ["a", "b", "samples"]) {
    classes.forEach((text, label) => element(`class-${name}`).add(new Option(text, label)));
  }
  element("class-samples").add(new Option("all in turn", "all"), 0);
  element("class-samples").value = "all";
  element("class-b").value = Math.min(1, classes.length - 1);
}

function setUp() {
  const [height, width] = about.outputs.image.shape;
  const { prior, truncation } = about.inputs.latents;
  classes = about.inputs.labels_a?.class_names ?? [];
  if (classes.length) listClasses();
  for (const label of document.querySelectorAll(".classes")) label.hidden = !classes.length;
  for (const label of document.querySelectorAll(".normal")) label.hidden = prior !== "normal";
  if (truncation !== null) element("truncation").value = truncation;
  for (const [id, columns, rows] of
    [["picture", 1, 1], ["way", STEPS, 1], ["samples", COLUMNS, SAMPLES / COLUMNS]]) {
    const size = { width: columns * (width + GAP) - GAP, height: rows * (height + GAP) - GAP };
    Object.assign(element(id), size);
    element(`save-${id}`).addEventListener("click", () => save(id));
  }
  element("controls").addEventListener("input", update);
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  element("other-a").addEventListener("click", () => other("seed-a"));
  element("other-b").addEventListener("click", () => other("seed-b"));
  element("new-samples").addEventListener("click", () => other("seed-samples"));
}

function introduce() {
  const [height, width] = about.outputs.image.shape;
  document.title = element("name").textContent = about.name;
  const method = about.method ? `${about.method}, ` : "";
  const text = `${method}${width} x ${height} pixels. A network made up every picture.`;
  element("about").textContent = text;
  const source = `Trained on ${about.data}. Licence of the data: ${about.licence}.`;
  if (about.data) element("source").textContent = source;
}

// LiteRT.js reports its progress as errors: only what is none of these stays one.
function report(text) {
  (/^(INFO|WARNING|VERBOSE)/.test(text) ? console.debug : console.error)(text);
}

async function start() {
  const answer = await fetch("generator.json");
  if (!answer.ok) throw new Error(`generator.json: ${answer.status} ${answer.statusText}`);
  about = await answer.json();
  introduce();
  globalThis.Module = { printErr: report };
  await loadLiteRt(new URL("litert/core/wasm/", location.href).href);
  model = await loadAndCompile("generator.tflite", { accelerator: "wasm" });
  setUp();
  element("controls").hidden = false;
  await update();
}

start().catch(fail);
