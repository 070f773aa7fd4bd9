// The table of results: sortable by any column, fifty rows per page, so that it stays fast with ten thousand.
//
// It changes while people use it. So each row keeps its table row, of which only the outcome is rewritten, and the order
// stays until scoring has ended: buttons keep the focus, and clicks hit their target.

import { byId, element } from "./dom.js";
import { percent, verdictOf } from "./verdict.js";

const PAGE = 50; // rows
const MAX_SHOWN = 300; // characters of a review
const KINDS = ["negative", "uncertain", "positive"];

const VALUES = {
  number: (row) => row.number,
  review: (row) => row.review.toLowerCase(),
  verdict: (row) => row.prediction && KINDS.indexOf(verdictOf(row.prediction).kind),
  probability: (row) => row.prediction?.positive_probability,
  words: (row) => row.prediction?.words,
  known: (row) => row.prediction?.known_words,
};

export class Results {
  /** The rows in the order of the table. */
  order = [];
  #onChoice;
  #first = 0;
  #column = "number";
  #descending = false;
  #body = byId("results").tBodies[0];
  #buttons = byId("results").querySelectorAll("th button");

  /** @param {(text: string) => void} onChoice Called with the review that was clicked. */
  constructor(onChoice) {
    this.#onChoice = onChoice;
    for (const button of this.#buttons) button.addEventListener("click", () => this.#sortBy(button.dataset.column));
    byId("before").addEventListener("click", () => this.#turnTo(this.#first - PAGE));
    byId("after").addEventListener("click", () => this.#turnTo(this.#first + PAGE));
  }

  /** @param {Array} rows In the order of the file; the first page is shown. */
  show(rows) {
    this.order = rows;
    this.#column = "number";
    this.#descending = false;
    this.#turnTo(0);
  }

  /** Update the visible rows in place. */
  redraw() {
    this.#shown.forEach((row) => this.#lineOf(row));
  }

  /** Update and sort the rows; those without a value come last in either direction. */
  sort() {
    const sign = this.#descending ? -1 : 1;
    const pairs = this.order.map((row) => [VALUES[this.#column](row) ?? null, row]);
    pairs.sort(([a, one], [b, other]) => {
      if (a === b) return one.number - other.number;
      if (a === null || b === null) return (a === null) - (b === null);
      return a < b ? -sign : sign;
    });
    this.order = pairs.map(([, row]) => row);
    this.#turnTo(this.#first);
  }

  get #shown() {
    return this.order.slice(this.#first, this.#first + PAGE);
  }

  #sortBy(column) {
    this.#descending = this.#column === column && !this.#descending;
    this.#column = column;
    this.#first = 0;
    this.sort();
  }

  #turnTo(first) {
    this.#first = first;
    for (const { dataset, parentElement: head } of this.#buttons) {
      if (dataset.column === this.#column) head.ariaSort = this.#descending ? "descending" : "ascending";
      else head.removeAttribute("aria-sort");
    }
    const lines = this.#shown.map((row) => this.#lineOf(row));
    if (lines.length !== this.#body.rows.length || lines.some((line, i) => line !== this.#body.rows[i])) {
      const focused = document.activeElement;
      this.#body.replaceChildren(...lines);
      if (this.#body.contains(focused)) focused.focus({ preventScroll: true }); // moved elements lose it
    }
    const last = first + lines.length;
    const [from, to, all] = [first + 1, last, this.order.length].map((number) => number.toLocaleString("en"));
    byId("range").textContent = `Rows ${from} to ${to} of ${all}`;
    byId("pages").hidden = this.order.length <= PAGE;
    byId("before").disabled = first === 0;
    byId("after").disabled = last >= this.order.length;
  }

  /** The up-to-date table row of a row. */
  #lineOf(row) {
    row.line ??= this.#newLine(row);
    const outcome = row.prediction ?? row.error;
    if (row.shown !== outcome) {
      while (row.line.cells.length > 2) row.line.lastChild.remove();
      row.line.append(...outcomeOf(row));
      row.shown = outcome;
    }
    return row.line;
  }

  /** A table row with the two cells that never change: number and review. */
  #newLine({ number, review }) {
    const button = element("button", review.length > MAX_SHOWN ? `${review.slice(0, MAX_SHOWN)} …` : review, {
      type: "button",
      className: "open",
      dir: "auto",
      title: "Explain this review word by word",
    });
    button.addEventListener("click", () => {
      this.#onChoice(review);
      byId("review").focus({ preventScroll: true });
      byId("review").closest("section").scrollIntoView();
    });
    const text = cell("text");
    if (review.trim()) text.append(button);
    const line = element("tr");
    line.append(cell("number", number.toLocaleString("en")), text);
    return line;
  }
}

function outcomeOf({ prediction, error }) {
  if (!prediction) return [element("td", error || "waiting …", { className: error ? "failed" : "muted", colSpan: 4 })];
  const { kind, brief } = verdictOf(prediction);
  return [
    cell(`pull ${kind}`, brief),
    cell("number", percent(prediction.positive_probability)),
    cell("number", prediction.words.toLocaleString("en")),
    cell("number", prediction.known_words.toLocaleString("en")),
  ];
}

function cell(className, text) {
  return element("td", text, { className });
}
