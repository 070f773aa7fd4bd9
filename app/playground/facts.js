// The served model: facts from GET /model and its training plots.

import { pause } from "./latest.js";
import { count } from "./verdict.js";

const ATTEMPTS = 60; // a service takes seconds to start
const PLOTS = ["loss", "accuracy"];

export class Facts {
  #service;

  /** @param {import("./service.js").Service} service */
  constructor(service) {
    this.#service = service;
  }

  /** Load and show the facts; retries while the service is starting. */
  async load() {
    const status = document.getElementById("facts-status");
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        const model = await this.#service.model();
        status.textContent = "";
        show(model);
        return;
      } catch (problem) {
        status.textContent = problem.message;
        if (!problem.retryable) return;
        await pause(problem.seconds * 1000);
      }
    }
  }
}

function show(model) {
  const list = document.getElementById("facts");
  list.replaceChildren();
  for (const [name, value] of factsOf(model)) {
    const group = document.createElement("div");
    group.append(element("dt", name), element("dd", value));
    list.append(group);
  }
  for (const name of PLOTS) showPlot(name);
}

function factsOf({ name, version, created, runtime, vocabulary_size: terms, encoding, recipe, dataset, metrics, digest, limits }) {
  const testSet = dataset?.test_reviews ? count(dataset.test_reviews, "test review") : "the test reviews";
  const facts = [
    ["Model", `${name}, version ${version}`],
    ["Created", new Date(created).toLocaleDateString("en", { dateStyle: "long" })],
    ["Runtime", runtime],
    ["Vocabulary", `${count(terms, "term")}${encoding?.longest_term > 1 ? ` of up to ${encoding.longest_term} words` : ""}`],
    ["Recipe", String(recipe?.name ?? "unknown")],
  ];
  if (dataset?.training_reviews) facts.push(["Trained on", count(dataset.training_reviews, "review")]);
  if (metrics?.accuracy !== undefined) facts.push(["Accuracy", `${(metrics.accuracy * 100).toFixed(1)}% on ${testSet}`]);
  if (metrics?.loss !== undefined) facts.push(["Test loss", metrics.loss.toFixed(3)]);
  if (metrics?.calibration_error !== undefined) facts.push(["Calibration error", metrics.calibration_error.toFixed(3)]);
  facts.push(
    ["Request limit", count(limits.max_reviews, "review")],
    ["Review limit", count(limits.max_characters, "character")],
    ["Digest", digest.slice(0, 12)],
  );
  return facts;
}

function showPlot(name) {
  const image = document.getElementById(`plot-${name}`);
  const figure = image.closest("figure");
  const caption = figure.querySelector("figcaption");
  caption.dataset.original ??= caption.textContent;
  // Both restore what the other one changed: a new key loads the plots again.
  image.onload = () => {
    caption.textContent = caption.dataset.original;
    image.hidden = figure.hidden = false;
  };
  image.onerror = () => {
    caption.textContent = `This bundle has no ${name} plot.`;
    image.hidden = true;
    figure.hidden = false;
  };
  image.src = `playground/plots/${name}.png`;
}

function element(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}
