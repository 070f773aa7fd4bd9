// The table of results: sorted by any column, fifty rows at a time, so that ten thousand do no harm.
//
// It changes while somebody reads it, so each row has one line for good, of which only what is new is written, and the
// order stays until scoring has ended: buttons keep the focus, and a click meets what it was aimed at.

import { percent, verdictOf } from "./verdict.js";

const ROWS = 50;
const SHOWN = 300; // characters of a review

const VALUES = {
  number: (row) => row.number,
  review: (row) => row.review.toLowerCase(),
  verdict: (row) => (row.prediction ? ["negative", "uncertain", "positive"].indexOf(verdictOf(row.prediction).kind) : null),
  probability: (row) => row.prediction?.positive_probability ?? null,
  words: (row) => row.prediction?.words ?? null,
  known: (row) => row.prediction?.known_words ?? null,
};

export class Results {
  #onChoice;
  #order = [];
  #lines = new WeakMap(); // row → its line
  #first = 0;
  #column = "number";
  #down = false;
  #body = document.querySelector("#results tbody");

  /** @param {(text: string) => void} onChoice Called with the review that was clicked. */
  constructor(onChoice) {
    this.#onChoice = onChoice;
    for (const button of document.querySelectorAll("#results th button"))
      button.addEventListener("click", () => this.#sortBy(button.dataset.column));
    document.getElementById("before").addEventListener("click", () => this.#turn(-ROWS));
    document.getElementById("after").addEventListener("click", () => this.#turn(ROWS));
  }

  /** @param {Array} rows Shown from the first one on, in the file's order. */
  show(rows) {
    this.#order = rows;
    this.#first = 0;
    this.#column = "number";
    this.#down = false;
    this.#arrange();
  }

  /** The rows in the order that the table has. */
  get order() {
    return this.#order;
  }

  /** Show what the rows hold now, where they are. */
  redraw() {
    this.#shown.forEach((row) => this.#line(row));
  }

  /** Show what the rows hold now, in its order; those without a value come last, either way. */
  sort() {
    const value = VALUES[this.#column];
    const sign = this.#down ? -1 : 1;
    const pairs = this.#order.map((row) => [value(row), row]);
    pairs.sort(([a, one], [b, other]) => {
      if (a === b) return one.number - other.number;
      if (a === null || b === null) return (a === null) - (b === null);
      return a < b ? -sign : sign;
    });
    this.#order = pairs.map(([, row]) => row);
    this.#arrange();
  }

  get #shown() {
    return this.#order.slice(this.#first, this.#first + ROWS);
  }

  #arrange() {
    for (const button of document.querySelectorAll("#results th button")) {
      const head = button.parentElement;
      if (button.dataset.column === this.#column) head.setAttribute("aria-sort", this.#down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const lines = this.#shown.map((row) => this.#line(row));
    if (lines.length !== this.#body.rows.length || lines.some((line, i) => line !== this.#body.rows[i])) {
      const focused = document.activeElement;
      this.#body.replaceChildren(...lines);
      if (this.#body.contains(focused)) focused.focus({ preventScroll: true }); // what is moved loses it
    }
    const last = this.#first + lines.length;
    const [from, to, all] = [this.#first + 1, last, this.#order.length].map((number) => number.toLocaleString("en"));
    document.getElementById("range").textContent = `Rows ${from} to ${to} of ${all}`;
    document.getElementById("pages").hidden = this.#order.length <= ROWS;
    document.getElementById("before").disabled = this.#first === 0;
    document.getElementById("after").disabled = last >= this.#order.length;
  }

  #sortBy(column) {
    this.#down = this.#column === column && !this.#down;
    this.#column = column;
    this.#first = 0;
    this.sort();
  }

  #turn(by) {
    this.#first += by;
    this.#arrange();
  }

  /** The row's line, with what the row holds now. */
  #line(row) {
    if (!this.#lines.has(row)) this.#lines.set(row, { line: this.#begin(row), outcome: null });
    const known = this.#lines.get(row);
    const outcome = row.prediction ?? row.error;
    if (known.outcome !== outcome) {
      while (known.line.cells.length > 2) known.line.lastChild.remove();
      known.line.append(...outcomeOf(row));
      known.outcome = outcome;
    }
    return known.line;
  }

  /** A line with what never changes: number and review. */
  #begin(row) {
    const line = document.createElement("tr");
    const review = document.createElement("button");
    review.type = "button";
    review.className = "look";
    review.dir = "auto";
    review.title = "Look at it word by word";
    review.textContent = row.review.length > SHOWN ? `${row.review.slice(0, SHOWN)} …` : row.review;
    review.addEventListener("click", () => {
      this.#onChoice(row.review);
      const field = document.getElementById("review");
      field.focus({ preventScroll: true });
      field.closest("section").scrollIntoView();
    });
    const text = cell("text");
    if (row.review.trim()) text.append(review);
    line.append(cell("number", row.number.toLocaleString("en")), text);
    return line;
  }
}

function outcomeOf({ prediction, error }) {
  if (!prediction) {
    const told = cell(error ? "failed" : "muted", error || "waiting …");
    told.colSpan = 4;
    return [told];
  }
  const { positive_probability: probability, words, known_words: known } = prediction;
  const { kind, brief, reason } = verdictOf(prediction);
  const verdict = cell(`pull ${kind}`, brief);
  verdict.title = reason;
  return [
    verdict,
    cell("number", percent(probability)),
    cell("number", words.toLocaleString("en")),
    cell("number", known.toLocaleString("en")),
  ];
}

function cell(className, text = "") {
  return Object.assign(document.createElement("td"), { className, textContent: text });
}
