// Several versions of the model side by side: what each predicts for the review, which of its words each could read,
// and texts on which the shipped versions differ.

import { Latest } from "./latest.js";
import { percent, verdictOf, whyUncertain } from "./verdict.js";
import { Words } from "./words.js";

/** The book's network sees single words; the better one also sees phrases such as "not disappointed". */
export const TEXTS = [
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
  #latest = new Latest();
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
    document.getElementById("versions").replaceChildren(...this.#columns.map((column) => column.element));
    document.getElementById("compare").hidden = false;
    this.show(...this.#shown);
    await this.#showTexts(versions).catch((problem) => {
      document.querySelector("#differences tbody").replaceChildren(element("tr", problem.message));
    });
  }

  /**
   * @param {string} text The review; or "" if there is none.
   * @param {object|null} explanation That of the default version.
   */
  show(text, explanation) {
    this.#shown = [text, explanation];
    if (!this.#columns.length) return;
    const [first, ...others] = this.#columns;
    this.#latest.start(
      async (signal) => {
        for (const column of this.#columns) column.clear(explanation ? "" : "No review yet.");
        if (!explanation) return;
        first.show(text, explanation, await this.#service.model(explanation.version));
        await Promise.all(
          others.map(async (column) => {
            try {
              const model = await this.#service.model(column.version);
              const other = await this.#service.explain(text, signal, column.version);
              signal.throwIfAborted();
              column.show(text, other, model);
            } catch (problem) {
              if (!signal.aborted) column.clear(problem.message);
            }
          }),
        );
      },
      () => {},
      (problem) => first.clear(problem.message),
    );
  }

  async #showTexts(versions) {
    const head = document.querySelector("#differences thead tr");
    const body = document.querySelector("#differences tbody");
    const columns = await Promise.all(versions.map((version) => this.#service.predict(TEXTS, undefined, version)));
    head.append(...versions.map((version) => element("th", `Version ${version}`, { scope: "col" })));
    body.replaceChildren(
      ...TEXTS.map((text, row) => {
        const line = document.createElement("tr");
        const button = element("button", text, { type: "button", className: "open", title: "Explain this text word by word" });
        button.addEventListener("click", () => this.#onChoice(text));
        const name = element("td", "", { className: "text" });
        name.append(button);
        line.append(name, ...columns.map((predictions) => outcome(predictions[row])));
        return line;
      }),
    );
  }
}

/** The prediction of one version, and the review as it could read it. */
class Column {
  #verdict = element("p", "", { className: "verdict" });
  #reason = element("p", "", { className: "muted" });
  #text = element("div", "", { className: "words" });
  #words = new Words(this.#text, document.getElementById("numbers"));

  constructor(version) {
    this.version = version;
    const title = element("h3", `Version ${version}`, { id: `version-${version}` });
    this.element = document.createElement("article");
    this.#text.setAttribute("role", "group");
    for (const named of [this.element, this.#text]) named.setAttribute("aria-labelledby", title.id);
    this.element.append(title, this.#verdict, this.#reason, this.#text);
  }

  /** `explanation` has no terms if the service was too busy to explain. */
  show(text, explanation, { recipe, uncertainty, encoding }) {
    const { kind, label, knows } = verdictOf(explanation);
    this.element.dataset.kind = kind;
    this.element.querySelector("h3").textContent = recipe?.name ? `Version ${this.version}, recipe ${recipe.name}` : `Version ${this.version}`;
    this.#verdict.textContent = label;
    this.#reason.textContent = explanation.uncertain ? `${knows} ${whyUncertain(explanation, uncertainty)}` : knows;
    if (explanation.terms) this.#words.show(text, explanation, encoding);
  }

  /** @param {string} reason Why there is no prediction, if it is worth saying. */
  clear(reason = "") {
    this.element.dataset.kind = "";
    this.#verdict.textContent = "";
    this.#reason.textContent = reason;
    this.#words.clear();
  }
}

function outcome(prediction) {
  const { kind } = verdictOf(prediction);
  const probability = `${percent(prediction.positive_probability)} positive`;
  return element("td", prediction.uncertain ? `${probability}, uncertain` : probability, { className: `pull ${kind}` });
}

function element(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, properties);
}
