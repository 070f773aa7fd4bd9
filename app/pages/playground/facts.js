// The served model: how good it is, and its versions.

import { byId, element, setText } from "./dom.js";
import { withRetries } from "./latest.js";
import { count } from "./verdict.js";

const ATTEMPTS = 60; // a service takes seconds to start

/** Load and show the facts; retries while the service is starting. */
export async function showFacts(service) {
  const status = (message) => setText("facts-status", message);
  try {
    const { versions } = await withRetries(() => service.model(), ATTEMPTS, status);
    const models = await Promise.all(versions.map((version) => service.model(version)));
    byId("facts").replaceChildren(...models.map(factsOf));
    status("");
  } catch (problem) {
    status(problem.message);
  }
}

function factsOf({ name, version, created, recipe, dataset, metrics }) {
  const about = [`made on ${new Date(created).toLocaleDateString("en", { dateStyle: "long" })}`];
  if (recipe?.name) about.unshift(`recipe ${recipe.name}`);
  const tests = dataset?.test_reviews ? count(dataset.test_reviews, "test review") : "the test reviews";
  const item = element("li");
  item.append(element("strong", `${name}, version ${version}`), `: ${about.join(", ")}.`);
  if (metrics?.accuracy) item.append(` Right about ${(metrics.accuracy * 100).toFixed(1)}% of ${tests}.`);
  if (metrics?.calibration_error)
    item.append(` Its probabilities are off by ${(metrics.calibration_error * 100).toFixed(1)} points on average.`);
  const link = element("a", "Model card", { href: `playground/report/${encodeURIComponent(version)}/card` });
  link.ariaLabel = `Model card of version ${version}`;
  item.append(" ", link);
  return item;
}
