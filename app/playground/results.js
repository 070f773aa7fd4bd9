// The table of results: sortable by any column, fifty rows per page, so that it stays fast with ten thousand.
//
// It changes while people use it. So each row keeps its table row, of which only the outcome is rewritten, and the order
// stays until scoring has ended: buttons keep the focus, and clicks hit their target.

import { percent, verdictOf } from "./verdict.js";

const PAGE = 50; // rows
const MAX_SHOWN = 300; // characters of a review

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
  #lines = new WeakMap(); // row → its table row and the outcome it shows
  #first = 0;
  #column = "number";
  #descending = false;
  #body = document.querySelector("#results tbody");

  /** @param {(text: string) => void} onChoice Called with the review that was clicked. */
  constructor(onChoice) {
    this.#onChoice = onChoice;
    for (const button of document.querySelectorAll("#results th button"))
      button.addEventListener("click", () => this.#sortBy(button.dataset.column));
    document.getElementById("before").addEventListener("click", () => this.#turn(-PAGE));
    document.getElementById("after").addEventListener("click", () => this.#turn(PAGE));
  }

  /** @param {Array} rows In the order of the file; the first page is shown. */
  show(rows) {
    this.#order = rows;
    this.#first = 0;
    this.#column = "number";
    this.#descending = false;
    this.#arrange();
  }

  /** The rows in the order of the table. */
  get order() {
    return this.#order;
  }

  /** Update the visible rows in place. */
  redraw() {
    this.#shown.forEach((row) => this.#line(row));
  }

  /** Update and sort the rows; those without a value come last in either direction. */
  sort() {
    const value = VALUES[this.#column];
    const sign = this.#descending ? -1 : 1;
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
    return this.#order.slice(this.#first, this.#first + PAGE);
  }

  #arrange() {
    for (const button of document.querySelectorAll("#results th button")) {
      const head = button.parentElement;
      if (button.dataset.column === this.#column) head.setAttribute("aria-sort", this.#descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const lines = this.#shown.map((row) => this.#line(row));
    if (lines.length !== this.#body.rows.length || lines.some((line, i) => line !== this.#body.rows[i])) {
      const focused = document.activeElement;
      this.#body.replaceChildren(...lines);
      if (this.#body.contains(focused)) focused.focus({ preventScroll: true }); // moved elements lose it
    }
    const last = this.#first + lines.length;
    const [from, to, all] = [this.#first + 1, last, this.#order.length].map((number) => number.toLocaleString("en"));
    document.getElementById("range").textContent = `Rows ${from} to ${to} of ${all}`;
    document.getElementById("pages").hidden = this.#order.length <= PAGE;
    document.getElementById("before").disabled = this.#first === 0;
    document.getElementById("after").disabled = last >= this.#order.length;
  }

  #sortBy(column) {
    this.#descending = this.#column === column && !this.#descending;
    this.#column = column;
    this.#first = 0;
    this.sort();
  }

  #turn(by) {
    this.#first += by;
    this.#arrange();
  }

  /** The up-to-date table row of a row. */
  #line(row) {
    if (!this.#lines.has(row)) this.#lines.set(row, { line: this.#newLine(row), outcome: null });
    const shown = this.#lines.get(row);
    const outcome = row.prediction ?? row.error;
    if (shown.outcome !== outcome) {
      while (shown.line.cells.length > 2) shown.line.lastChild.remove();
      shown.line.append(...outcomeOf(row));
      shown.outcome = outcome;
    }
    return shown.line;
  }

  /** A table row with the two cells that never change: number and review. */
  #newLine(row) {
    const line = document.createElement("tr");
    const review = document.createElement("button");
    review.type = "button";
    review.className = "open";
    review.dir = "auto";
    review.title = "Explain this review word by word";
    review.textContent = row.review.length > MAX_SHOWN ? `${row.review.slice(0, MAX_SHOWN)} …` : row.review;
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
    const status = cell(error ? "failed" : "muted", error || "waiting …");
    status.colSpan = 4;
    return [status];
  }
  const { positive_probability: probability, words, known_words: known } = prediction;
  const { kind, brief, knows } = verdictOf(prediction);
  const verdict = cell(`pull ${kind}`, brief);
  verdict.title = knows;
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
