// Entry point: creates the parts of the page and connects them.

import { Api } from "./api.js";
import { Batch } from "./batch.js";
import { byId } from "./dom.js";
import { showFacts } from "./facts.js";
import { requestKeys } from "./key.js";
import { Review } from "./review.js";
import { Service } from "./service.js";
import { Verdicts } from "./verdicts.js";

byId("no-scripts").remove();

const examples = [...byId("examples").querySelectorAll("button")];
for (const button of examples) button.addEventListener("click", () => review.show(button.dataset.text));

const service = new Service(document.baseURI);
const verdicts = new Verdicts(() => review.explain());
const api = new Api(service);
const review = new Review(service, verdicts, {
  onText: (text) => examples.forEach((button) => (button.ariaPressed = String(button.dataset.text === text))),
  onVerdict: (text) => api.show(text, verdicts.version),
});
const batch = new Batch(service, verdicts, (text) => review.show(text));

requestKeys(service, () => {
  showFacts(service);
  review.explain();
  batch.retry();
});
showFacts(service);
review.show(byId("review").value || examples[0].dataset.text); // browsers keep the text when a page is reloaded
