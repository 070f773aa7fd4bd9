// Entry point: creates the parts of the page and connects them.

import { Batch } from "./batch.js";
import { showExamples } from "./examples.js";
import { Facts } from "./facts.js";
import { KeyField } from "./key.js";
import { Review } from "./review.js";
import { Service } from "./service.js";
import { chooseTheme } from "./theme.js";

document.getElementById("no-scripts").remove();

const service = new Service(document.baseURI);
const review = new Review(service);
const batch = new Batch(service, (text) => review.show(text));
const facts = new Facts(service);

chooseTheme();
showExamples((text) => review.show(text));
new KeyField(service, () => {
  facts.load();
  review.explain();
  batch.retry();
});
facts.load();
