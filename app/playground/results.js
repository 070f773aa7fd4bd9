// The table of results: sorted by any column, fifty rows at a time, so that ten thousand do no harm.

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
  #rows = [];
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
    this.#rows = rows;
    this.#first = 0;
    this.#column = "number";
    this.#down = false;
    this.redraw();
  }

  /** The rows in the order that the table has; those without a value come last, either way. */
  get sorted() {
    const value = VALUES[this.#column];
    const sign = this.#down ? -1 : 1;
    const pairs = this.#rows.map((row) => [value(row), row]);
    pairs.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return a < b ? -sign : a > b ? sign : 0;
    });
    return pairs.map(([, row]) => row);
  }

  /** Show what the rows hold now. */
  redraw() {
    for (const button of document.querySelectorAll("#results th button")) {
      const head = button.parentElement;
      if (button.dataset.column === this.#column) head.setAttribute("aria-sort", this.#down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const shown = this.sorted.slice(this.#first, this.#first + ROWS);
    this.#body.replaceChildren(...shown.map((row) => this.#line(row)));
    const last = this.#first + shown.length;
    const [from, to, all] = [this.#first + 1, last, this.#rows.length].map((number) => number.toLocaleString("en"));
    document.getElementById("range").textContent = `Rows ${from} to ${to} of ${all}`;
    document.getElementById("pages").hidden = this.#rows.length <= ROWS;
    document.getElementById("before").disabled = this.#first === 0;
    document.getElementById("after").disabled = last >= this.#rows.length;
  }

  #sortBy(column) {
    this.#down = this.#column === column && !this.#down;
    this.#column = column;
    this.#first = 0;
    this.redraw();
  }

  #turn(by) {
    this.#first += by;
    this.redraw();
  }

  #line(row) {
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
    if (row.prediction) {
      const { positive_probability: probability, words, known_words: known } = row.prediction;
      const { kind, brief, reason } = verdictOf(row.prediction);
      const verdict = cell(`pull ${kind}`, brief);
      verdict.title = reason;
      line.append(
        verdict,
        cell("number", percent(probability)),
        cell("number", words.toLocaleString("en")),
        cell("number", known.toLocaleString("en")),
      );
    } else {
      const told = cell(row.error ? "failed" : "muted", row.error || "waiting …");
      told.colSpan = 4;
      line.append(told);
    }
    return line;
  }
}

function cell(className, text = "") {
  return Object.assign(document.createElement("td"), { className, textContent: text });
}
