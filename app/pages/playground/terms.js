// The terms of a review in a table, strongest first: the numbers behind the colours.

import { byId, element } from "./dom.js";
import { percent, points, signed, times } from "./verdict.js";

const TOP = 8;
const DIRECTIONS = { "+": "positive", "−": "negative" };

export class Terms {
  #terms = [];
  #all = false;

  constructor() {
    byId("all-terms").addEventListener("click", () => {
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
    byId("terms").tBodies[0].replaceChildren(...(shown.length ? shown.map(rowOf) : [emptyRow()]));
    const button = byId("all-terms");
    button.hidden = this.#terms.length <= TOP;
    button.textContent = this.#all ? `Show only ${TOP}` : `Show all ${this.#terms.length}`;
    button.setAttribute("aria-expanded", String(this.#all));
  }
}

function rowOf(term) {
  const row = element("tr");
  const logOdds = signed(term.log_odds);
  const direction = DIRECTIONS[logOdds[0]] ?? "none"; // 0.00 has no sign
  row.append(
    element("th", term.terms.join(", ") + times(term), { scope: "row", dir: "auto" }),
    element("td", direction, { className: `pull ${direction}` }),
    element("td", points(term.probability), { className: "number" }),
    element("td", percent(term.positive_probability_without), { className: "number" }),
    element("td", logOdds, { className: "number log-odds" }),
  );
  return row;
}

function emptyRow() {
  const row = element("tr");
  row.append(element("td", "The model knows none of these words.", { colSpan: 5 }));
  return row;
}
