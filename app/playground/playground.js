// Entry point: creates the parts of the page and connects them.

import { Batch } from "./batch.js";
import { Comparison } from "./compare.js";
import { showExamples } from "./examples.js";
import { Facts } from "./facts.js";
import { KeyField } from "./key.js";
import { Review } from "./review.js";
import { Service } from "./service.js";
import { chooseTheme } from "./theme.js";

document.getElementById("no-scripts").remove();

const service = new Service(document.baseURI);
const comparison = new Comparison(service, (text) => review.show(text));
const review = new Review(service, (text, explanation) => comparison.show(text, explanation));
const batch = new Batch(service, (text) => review.show(text));
const facts = new Facts(service);

chooseTheme();
showExamples((text) => review.show(text));
const load = async () => {
  await facts.load();
  await comparison.load().catch(() => {}); // the facts show the problem
};
new KeyField(service, () => {
  load();
  review.explain();
  batch.retry();
});
load();
