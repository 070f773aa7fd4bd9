// Several reviews at once: read a file, score its reviews in batches, show the results in a table.

import { writeCsv } from "./csv.js";
import { byId, element, setText } from "./dom.js";
import { Latest } from "./latest.js";
import { readRecords, Unreadable } from "./records.js";
import { Results } from "./results.js";
import { scoreRows } from "./scoring.js";
import { count } from "./verdict.js";

const ADDED = ["positive_probability", "sentiment", "uncertain", "words", "known_words", "error"]; // as `bulk` does

export class Batch {
  #service;
  #verdicts;
  #results;
  #columns = [];
  #rows = [];
  #reading = new Latest();
  #controller = null;
  #file = null;
  #version = "";

  /** `verdicts` say which version scores; `onChoice` is called with a review that was clicked in the table. */
  constructor(service, verdicts, onChoice) {
    this.#service = service;
    this.#verdicts = verdicts;
    this.#results = new Results(onChoice);
    byId("file").addEventListener("change", ({ target }) => target.files[0] && this.#open(target.files[0]));
    const sample = byId("sample-file").content.textContent.trim();
    byId("sample").addEventListener("click", () => this.#open(new File([sample], "sample reviews.csv")));
    byId("column-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#open(this.#file, byId("column").selectedIndex);
    });
    byId("stop").addEventListener("click", () => this.#controller?.abort());
    byId("retry").addEventListener("click", () => this.retry());
    byId("download").addEventListener("click", () => this.#download());
    // Drops anywhere on the page: outside the zone, a browser would leave the page and open the file.
    for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, (event) => this.#drag(event));
  }

  /** Score the rows that failed or were not tried. */
  retry() {
    const remaining = this.#rows.filter((row) => row.retryable);
    if (remaining.length && !this.#controller) this.#score(remaining);
  }

  #drag(event) {
    const { types, files } = event.dataTransfer;
    if (!types.includes("Files")) return;
    event.preventDefault();
    byId("drop").classList.toggle("over", event.type === "dragover");
    if (event.type !== "drop") return;
    if (files.length > 1) this.#fail("Drop one file at a time.");
    else if (files.length) this.#open(files[0]);
  }

  /** @param {number} [column] Index of the one with the reviews. */
  #open(file, column) {
    this.#close(file);
    this.#reading.start(
      () => readRecords(file, column),
      ({ columns, records, note }) => {
        this.#columns = columns;
        this.#rows = records.map((record, index) => newRow(index + 1, record));
        this.#version = this.#verdicts.version;
        byId("note").textContent = note;
        byId("batch").hidden = false;
        this.#results.show(this.#rows);
        this.#score(this.#rows.filter((row) => !row.error));
      },
      (error) => {
        if (error.columns) return this.#askForColumn(error);
        const unreadable = " cannot be read. Check that it still exists and that you may open it.";
        this.#fail(file.name + (error instanceof Unreadable ? `: ${error.message}` : unreadable));
      },
    );
  }

  /** Remove the results of the last file. @param {File|null} file The next one. */
  #close(file) {
    this.#controller?.abort();
    this.#controller = null;
    this.#rows = [];
    this.#file = file;
    const shown = new DataTransfer(); // the field shows the name, also of a dropped file; choosing it again is a change
    if (file) shown.items.add(new File([file], file.name));
    byId("file").files = shown.files;
    for (const id of ["batch", "file-problem", "column-form"]) byId(id).hidden = true;
  }

  #fail(message) {
    this.#close(null);
    setText("file-problem-message", message);
    byId("file-problem").hidden = false;
  }

  #askForColumn({ columns, likely }) {
    byId("column").replaceChildren(...columns.map((name, index) => element("option", name.trim() || `Column ${index + 1}`)));
    byId("column").selectedIndex = likely;
    byId("column-form").hidden = false;
    byId("column").focus();
  }

  async #score(rows) {
    const controller = (this.#controller = new AbortController());
    for (const row of rows) Object.assign(row, { error: "", retryable: true, skipped: false });
    // Screen readers announce each change of the status: the start, the end and problems.
    const progress = (status = `Scoring ${count(rows.length, "review")} …`) => {
      if (this.#controller !== controller) return; // another file was opened meanwhile
      const done = this.#rows.filter((row) => row.prediction || row.error).length;
      byId("counted").textContent = `${done.toLocaleString("en")} of ${count(this.#rows.length, "review")}`;
      setText("batch-status", status);
      this.#results.redraw();
    };
    this.#updateControls(true);
    progress();
    const failure = await scoreRows(this.#service, rows, this.#version, controller.signal, progress);
    if (this.#controller !== controller) return;
    this.#controller = null;
    setText("batch-status", this.#summary(failure));
    this.#results.sort();
    this.#updateControls(false);
  }

  #summary(failure) {
    const by = this.#version && `, scored by version ${this.#version}`;
    return `${this.#file.name}: ${count(this.#rows.length, "review")}${by}. ${failure}`.trim();
  }

  #updateControls(busy) {
    byId("stop").hidden = !busy;
    byId("counted").hidden = !busy;
    byId("download").disabled = busy;
    byId("retry").hidden = busy || !this.#rows.some((row) => row.retryable);
  }

  /** The rows of the table in its order, with all columns of the file. Earlier predictions in it are replaced. */
  #download() {
    const kept = this.#columns.flatMap((name, index) => (ADDED.includes(name) ? [] : [index]));
    const lines = this.#results.order.map(({ cells, prediction, error }) => [
      ...kept.map((index) => textOf(cells[index])),
      ...ADDED.map((name) => ({ ...prediction, error })[name] ?? ""),
    ]);
    const head = [...kept.map((index) => this.#columns[index]), ...ADDED];
    // The byte order mark tells Excel that the file is UTF-8.
    const file = new Blob(["\ufeff", writeCsv([head, ...lines])], { type: "text/csv" });
    const href = URL.createObjectURL(file);
    element("a", "", { href, download: `${this.#file.name.replace(/\.[^.]*$/, "")} scored.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }
}

/** `retryable`: not tried yet, or another attempt may succeed. `skipped`: scoring ended before it was tried. */
function newRow(number, { cells, review = "", error }) {
  const text = review.toWellFormed();
  const reason = error || (text.trim() ? "" : "This row is empty.");
  return { number, cells, review: text, prediction: null, reading: null, error: reason, retryable: !reason, skipped: false };
}

/** A cell as text; those of JSON Lines may have any type. */
function textOf(cell = "") {
  return typeof cell === "string" ? cell : JSON.stringify(cell);
}
