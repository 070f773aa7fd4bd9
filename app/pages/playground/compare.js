// Several versions of the model side by side: what each predicts for the review, which of its words each could read,
// and texts on which the shipped versions differ.

import { byId, element } from "./dom.js";
import { percent, reasonFor, verdictOf } from "./verdict.js";
import { Words } from "./words.js";

/** The book's network sees single words; the better one also sees phrases such as "not disappointed". */
const TEXTS = [
  "I was not disappointed.",
  "Never a dull moment.",
  "It is not a bad film.",
  "I did not enjoy it at all.",
  "I can't recommend it.",
  "I want my two hours back.",
];

export class Comparison {
  #service;
  #onChoice;
  #columns = [];
  #controller = new AbortController();
  #shown = ["", null]; // the last arguments of `show`

  /**
   * @param {import("./service.js").Service} service
   * @param {(text: string) => void} onChoice Called with a text that was clicked.
   */
  constructor(service, onChoice) {
    this.#service = service;
    this.#onChoice = onChoice;
  }

  /** Show the section if several versions are served. */
  async load() {
    const { versions } = await this.#service.model();
    if (versions.length < 2 || this.#columns.length) return;
    this.#columns = versions.map((version) => new Column(version));
    byId("versions").replaceChildren(...this.#columns.map((column) => column.element));
    byId("compare").hidden = false;
    this.show(...this.#shown);
    await this.#showTexts(versions).catch((problem) => byId("differences").replaceChildren(element("caption", problem.message)));
  }

  /**
   * @param {string} text The review; or "" if there is none.
   * @param {object|null} explanation That of the default version, the first one.
   */
  show(text, explanation) {
    this.#shown = [text, explanation];
    this.#controller.abort();
    const { signal } = (this.#controller = new AbortController());
    this.#columns.forEach(async (column, index) => {
      column.clear(explanation ? "" : "No review yet.");
      if (!explanation) return;
      try {
        const its = index === 0 ? explanation : await this.#service.explain(text, signal, column.version);
        const model = await this.#service.model(its.version);
        if (!signal.aborted) column.show(text, its, model);
      } catch (problem) {
        if (!signal.aborted) column.clear(problem.message);
      }
    });
  }

  async #showTexts(versions) {
    const columns = await Promise.all(versions.map((version) => this.#service.predict(TEXTS, undefined, version)));
    const table = byId("differences");
    table.tHead.rows[0].append(...versions.map((version) => element("th", `Version ${version}`, { scope: "col" })));
    TEXTS.forEach((text, index) => {
      const row = table.tBodies[0].insertRow();
      const button = element("button", text, { type: "button", className: "open", title: "Explain this text word by word" });
      button.addEventListener("click", () => this.#onChoice(text));
      const cell = element("td", "", { className: "text" });
      cell.append(button);
      row.append(cell, ...columns.map((predictions) => outcomeOf(predictions[index])));
    });
  }
}

/** The prediction of one version, and the review as it could read it. */
class Column {
  #title;
  #verdict = element("p", "", { className: "verdict" });
  #reason = element("p", "", { className: "muted" });
  #text = element("div", "", { className: "words", role: "group" });
  #words = new Words(this.#text);

  constructor(version) {
    this.version = version;
    this.#title = element("h3", `Version ${version}`, { id: `version-${version}` });
    this.element = element("article");
    for (const named of [this.element, this.#text]) named.setAttribute("aria-labelledby", this.#title.id);
    this.element.append(this.#title, this.#verdict, this.#reason, this.#text);
  }

  /** `explanation` has no terms if the service was too busy to explain. */
  show(text, explanation, { recipe, uncertainty, encoding }) {
    const { kind, label } = verdictOf(explanation);
    this.element.dataset.kind = kind;
    if (recipe?.name) this.#title.textContent = `Version ${this.version}, recipe ${recipe.name}`;
    this.#verdict.textContent = label;
    this.#reason.textContent = reasonFor(explanation, uncertainty);
    if (explanation.terms) this.#words.show(text, explanation, encoding);
  }

  /** @param {string} reason Why there is no prediction, if it is worth saying. */
  clear(reason) {
    this.element.dataset.kind = "";
    this.#verdict.textContent = "";
    this.#reason.textContent = reason;
    this.#words.clear();
  }
}

function outcomeOf(prediction) {
  const uncertain = prediction.uncertain ? ", uncertain" : "";
  const { kind } = verdictOf(prediction);
  return element("td", `${percent(prediction.positive_probability)} positive${uncertain}`, { className: `pull ${kind}` });
}
