// The served model: facts from GET /model and its training plots.

import { byId, element, setText } from "./dom.js";
import { withRetries } from "./latest.js";
import { count } from "./verdict.js";

const ATTEMPTS = 60; // a service takes seconds to start
const RUNTIMES = { tensorflow: "TensorFlow", litert: "LiteRT" };

/** Load and show the facts; retries while the service is starting. */
export async function showFacts(service) {
  const status = (message) => setText("facts-status", message);
  try {
    show(await withRetries(() => service.model(), ATTEMPTS, status));
    status("");
  } catch (problem) {
    status(problem.message);
  }
}

function show(model) {
  byId("facts").replaceChildren(
    ...factsOf(model).map(([name, value, explanation]) => {
      const group = element("div");
      group.append(element("dt", name), element("dd", value), element("dd", explanation, { className: "muted small" }));
      return group;
    }),
  );
  for (const name of ["loss", "accuracy"]) showPlot(name);
}

/** Names, values and explanations. */
function factsOf({ name, version, created, runtime, vocabulary_size: terms, encoding, recipe, dataset, metrics, digest, limits }) {
  const phrases = encoding.longest_term > 1 ? `Single words and phrases of up to ${encoding.longest_term} words.` : "Single words.";
  const tests = dataset?.test_reviews ? count(dataset.test_reviews, "test review") : "the test reviews";
  return [
    ["Model", `${name}, version ${version}`, `Made on ${new Date(created).toLocaleDateString("en", { dateStyle: "long" })}.`],
    ["Vocabulary", count(terms, "term"), phrases],
    ["Training recipe", recipe?.name && String(recipe.name), "How the model was trained."],
    ["Training reviews", dataset?.training_reviews?.toLocaleString("en"), "The model learned from these."],
    ["Accuracy", metrics?.accuracy && `${(metrics.accuracy * 100).toFixed(1)}%`, `The share of ${tests} that it gets right.`],
    ["Loss", metrics?.loss?.toFixed(3), "How far its probabilities are from the right answers: 0 is perfect, 0.693 is tossing a coin."],
    [
      "Calibration error",
      metrics?.calibration_error && `${(metrics.calibration_error * 100).toFixed(1)} points`,
      "Of the reviews given 80%, 80% should be positive. This is the average difference.",
    ],
    ["Longest review", count(limits.max_characters, "character"), "Longer reviews are rejected."],
    ["Reviews per request", `up to ${limits.max_reviews.toLocaleString("en")}`, "For programs that call the API."],
    ["Runtime", RUNTIMES[runtime] ?? runtime, "The library that runs the model."],
    ["Checksum", digest.slice(0, 12), "Identifies this exact model: the start of its SHA-256."],
  ].filter(([, value]) => value);
}

function showPlot(name) {
  const image = byId(`plot-${name}`);
  const figure = image.closest("figure");
  image.onload = () => (figure.hidden = false);
  image.onerror = () => {
    figure.querySelector("figcaption").textContent = `This model has no ${name} plot.`;
    figure.hidden = false;
    image.hidden = true;
  };
  image.src = `playground/plots/${name}.png`;
}
