// The table of results: filtered, sorted by any column, and shown fifty rows at a time, so that it stays fast.
//
// It changes while people use it. So each row keeps its table row, of which only the outcome is rewritten, and the order
// stays until scoring has ended: buttons keep the focus, and clicks hit their target.

import { byId, element } from "./dom.js";
import { Summary } from "./summary.js";
import { count, kindOf } from "./verdict.js";

const PAGE = 50; // rows
const MAX_SHOWN = 300; // characters of a review

const VALUES = {
  number: (row) => row.number,
  review: (row) => row.review.toLowerCase(),
  probability: (row) => row.prediction && Number(row.prediction.positive_probability.toFixed(6)), // further digits vary
  known: (row) => row.prediction && row.prediction.known_words / Math.max(row.prediction.words, 1),
};

export class Results {
  /** The rows in the order of the table, without those that the filter hides. */
  order = [];
  #rows = [];
  #onChoice;
  #length = PAGE; // rows that are shown
  #column = "number";
  #descending = false;
  #body = byId("results").tBodies[0];
  #buttons = byId("results").querySelectorAll("th button");
  #summary = new Summary(() => this.sort());

  /** @param {(text: string) => void} onChoice Called with the review that was clicked. */
  constructor(onChoice) {
    this.#onChoice = onChoice;
    for (const button of this.#buttons) button.addEventListener("click", () => this.#sortBy(button.dataset.column));
    byId("more").addEventListener("click", () => this.#show(this.#length + PAGE));
  }

  /** @param {Array} rows In the order of the file. */
  show(rows) {
    this.#rows = rows;
    this.#column = "number";
    this.#descending = false;
    this.#summary.reset();
    this.sort();
  }

  /** Update the visible rows in place, and the numbers above them. */
  redraw() {
    this.order.slice(0, this.#length).forEach((row) => this.#lineOf(row));
    this.#summary.draw(this.#rows);
  }

  /** Update, filter and sort the rows; those without a value come last in either direction. */
  sort() {
    const sign = this.#descending ? -1 : 1;
    this.#summary.draw(this.#rows);
    const filtered = this.#rows.filter((row) => this.#summary.includes(row));
    const pairs = filtered.map((row) => [VALUES[this.#column](row) ?? sign * Infinity, row]);
    pairs.sort(([a, one], [b, other]) => (a === b ? one.number - other.number : a < b ? -sign : sign));
    this.order = pairs.map(([, row]) => row);
    for (const { dataset, parentElement: head } of this.#buttons)
      head.ariaSort = dataset.column !== this.#column ? null : this.#descending ? "descending" : "ascending";
    this.#show(PAGE);
  }

  #sortBy(column) {
    this.#descending = this.#column === column && !this.#descending;
    this.#column = column;
    this.sort();
  }

  #show(length) {
    this.#length = length;
    const lines = this.order.slice(0, length).map((row) => this.#lineOf(row));
    const focused = document.activeElement;
    const isSame = lines.length === this.#body.rows.length && lines.every((line, i) => line === this.#body.rows[i]);
    if (!isSame) this.#body.replaceChildren(...lines);
    if (this.#body.contains(focused)) focused.focus({ preventScroll: true }); // moved elements lose it
    byId("range").textContent = `${lines.length.toLocaleString("en")} of ${count(this.order.length, "row")}`;
    byId("more").hidden = lines.length === this.order.length;
  }

  /** The up-to-date table row of a row. */
  #lineOf(row) {
    row.line ??= this.#newLine(row);
    while (row.line.cells.length > 2) row.line.lastChild.remove();
    row.line.append(...outcomeOf(row));
    return row.line;
  }

  /** A table row with the two cells that never change: number and review. */
  #newLine({ number, review }) {
    const text = review.length > MAX_SHOWN ? `${review.slice(0, MAX_SHOWN)} …` : review;
    const button = element("button", text, { type: "button", className: "open", dir: "auto", title: "Explain this review" });
    button.addEventListener("click", () => {
      this.#onChoice(review);
      byId("review").focus({ preventScroll: true });
      byId("review").closest("section").scrollIntoView();
    });
    const cell = element("td", "", { className: "text" });
    if (review.trim()) cell.append(button);
    const line = element("tr");
    line.append(element("td", number.toLocaleString("en"), { className: "number" }), cell);
    return line;
  }
}

function outcomeOf({ prediction, reading, error }) {
  if (!prediction) return [element("td", error || "waiting …", { className: error ? "failed" : "muted", colSpan: 2 })];
  const { words, known_words: known } = prediction;
  const cell = element("td");
  cell.dataset.verdict = kindOf(reading.verdict);
  cell.append(element("strong", reading.verdict), " ", element("span", reading.share, { className: "number" }));
  return [cell, element("td", `${known.toLocaleString("en")} of ${words.toLocaleString("en")}`, { className: "number" })];
}
