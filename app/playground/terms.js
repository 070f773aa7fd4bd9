// The terms of a review in a table, strongest first: the numbers behind the colours.

import { directionOf, percent, signed } from "./verdict.js";

const TOP = 8;

export class Terms {
  #body = document.querySelector("#terms tbody");
  #more = document.getElementById("all-terms");
  #terms = [];
  #all = false;

  constructor() {
    this.#more.addEventListener("click", () => {
      this.#all = !this.#all;
      this.#render();
    });
  }

  /** @param {{terms: Array}} explanation */
  show({ terms }) {
    this.#terms = terms;
    this.#render();
  }

  #render() {
    const shown = this.#all ? this.#terms : this.#terms.slice(0, TOP);
    this.#body.replaceChildren(...shown.map(row));
    if (!shown.length) this.#body.replaceChildren(emptyRow());
    this.#more.hidden = this.#terms.length <= TOP;
    this.#more.textContent = this.#all ? `Show only ${TOP}` : `Show all ${this.#terms.length}`;
    this.#more.setAttribute("aria-expanded", String(this.#all));
  }
}

function row(term) {
  const line = document.createElement("tr");
  const kind = directionOf(term.log_odds);
  const names = term.terms.join(", ");
  const times = term.occurrences.length;
  line.append(
    cell("th", times > 1 ? `${names} (${times} times)` : names, { scope: "row", dir: "auto" }),
    cell("td", kind, { className: `pull ${kind}` }),
    cell("td", signed(term.log_odds), { className: "number" }),
    cell("td", signed(term.probability * 100, 1), { className: "number" }),
    cell("td", percent(term.positive_probability_without), { className: "number" }),
  );
  return line;
}

function emptyRow() {
  const line = document.createElement("tr");
  line.append(cell("td", "The model knows none of these words.", { colSpan: 5 }));
  return line;
}

function cell(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, properties);
}
