// What the model is: facts from the service, and the plots of its training.

import { pause } from "./latest.js";
import { count } from "./verdict.js";

const ATTEMPTS = 60; // a service that starts needs seconds
const PLOTS = ["loss", "accuracy"];

export class Facts {
  #service;

  /** @param {import("./service.js").Service} service */
  constructor(service) {
    this.#service = service;
  }

  /** Ask and show; a service that is starting is asked again. */
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
        if (!problem.passing) return;
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
  const tested = dataset?.test_reviews ? count(dataset.test_reviews, "test review") : "the test reviews";
  const facts = [
    ["Served", `${name}, version ${version}`],
    ["Made", new Date(created).toLocaleDateString("en", { dateStyle: "long" })],
    ["Executed by", runtime],
    ["Knows", `${count(terms, "term")}${encoding?.longest_term > 1 ? `, of up to ${encoding.longest_term} words` : ""}`],
    ["Recipe", String(recipe?.name ?? "unknown")],
  ];
  if (dataset?.training_reviews) facts.push(["Trained on", count(dataset.training_reviews, "review")]);
  if (metrics?.accuracy !== undefined) facts.push(["Right about", `${(metrics.accuracy * 100).toFixed(1)} % of ${tested}`]);
  if (metrics?.loss !== undefined) facts.push(["Test loss", metrics.loss.toFixed(3)]);
  if (metrics?.calibration_error !== undefined) facts.push(["Calibration error", metrics.calibration_error.toFixed(3)]);
  facts.push(
    ["A request may hold", count(limits.max_reviews, "review")],
    ["A review may have", count(limits.max_characters, "character")],
    ["Digest", digest.slice(0, 12)],
  );
  return facts;
}

function showPlot(name) {
  const image = document.getElementById(`plot-${name}`);
  const figure = image.closest("figure");
  const caption = figure.querySelector("figcaption");
  caption.dataset.usual ??= caption.textContent;
  // Either may follow the other: a new key has all of this shown again.
  image.onload = () => {
    caption.textContent = caption.dataset.usual;
    image.hidden = figure.hidden = false;
  };
  image.onerror = () => {
    caption.textContent = `This bundle has no plot of its ${name}.`;
    image.hidden = true;
    figure.hidden = false;
  };
  image.src = `playground/plots/${name}.png`;
}

function element(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}
