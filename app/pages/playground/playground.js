// Entry point: creates the parts of the page and connects them.

import { Batch } from "./batch.js";
import { restoreChoices } from "./choices.js";
import { Comparison } from "./compare.js";
import { byId } from "./dom.js";
import { showExamples } from "./examples.js";
import { showFacts } from "./facts.js";
import { requestKeys } from "./key.js";
import { Review } from "./review.js";
import { Service } from "./service.js";

byId("no-scripts").remove();
restoreChoices();

const service = new Service(document.baseURI);
const comparison = new Comparison(service, (text) => review.show(text));
const review = new Review(service, (text, explanation) => comparison.show(text, explanation));
const batch = new Batch(service, (text) => review.show(text));

showExamples((text) => review.show(text));
const load = async () => {
  await showFacts(service);
  await comparison.load().catch(() => {}); // the facts show the problem
};
requestKeys(service, () => {
  load();
  review.explain();
  batch.retry();
});
load();
