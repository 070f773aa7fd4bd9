// Several reviews at once: read a file, score its reviews in batches, show the results in a table.

import { writeCsv } from "./csv.js";
import { byId, setText } from "./dom.js";
import { SAMPLE } from "./examples.js";
import { Latest } from "./latest.js";
import { readRecords, Unreadable } from "./records.js";
import { Results } from "./results.js";
import { scoreRows } from "./scoring.js";
import { count, verdictOf } from "./verdict.js";

const COLUMNS = ["positive_probability", "sentiment", "uncertain", "words", "known_words"];

export class Batch {
  #service;
  #results;
  #rows = [];
  #reading = new Latest();
  #controller = null;
  #name = "";

  /**
   * @param {import("./service.js").Service} service
   * @param {(text: string) => void} onChoice Called with a review that was clicked in the table.
   */
  constructor(service, onChoice) {
    this.#service = service;
    this.#results = new Results(onChoice);
    byId("file").addEventListener("change", ({ target }) => {
      if (target.files[0]) this.#open(target.files[0]);
      target.value = ""; // so that the same file can be chosen again
    });
    byId("sample").addEventListener("click", () => this.#open(new File([SAMPLE], "sample reviews.csv")));
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
    if (files.length > 1) this.#showError("Drop one file at a time.");
    else if (files.length) this.#open(files[0]);
  }

  #open(file) {
    this.#showError("");
    this.#reading.start(
      () => readRecords(file),
      ({ reviews, note }) => {
        this.#controller?.abort();
        this.#name = file.name;
        this.#rows = reviews.map((review, index) => newRow(index + 1, review));
        byId("note").textContent = note;
        byId("note").hidden = !note;
        byId("batch").hidden = false;
        this.#results.show(this.#rows);
        this.#score(this.#rows.filter((row) => !row.error));
      },
      (error) => {
        const unreadable = " cannot be read. Check that it still exists and that you may open it.";
        this.#showError(file.name + (error instanceof Unreadable ? `: ${error.message}` : unreadable));
      },
    );
  }

  #showError(message) {
    setText("file-problem-message", message);
    byId("file-problem").hidden = !message;
  }

  async #score(rows) {
    const controller = (this.#controller = new AbortController());
    for (const row of rows) Object.assign(row, { error: "", retryable: true, skipped: false });
    this.#updateControls(true);
    // Screen readers announce each change of the status: the start, the end and problems.
    const progress = (status = `Scoring ${count(rows.length, "review")} …`) => {
      if (this.#controller !== controller) return; // another file was opened meanwhile
      const done = this.#rows.filter((row) => row.prediction || row.error).length;
      byId("progress").max = this.#rows.length;
      byId("progress").value = done;
      byId("counted").textContent = `${done.toLocaleString("en")} of ${count(this.#rows.length, "review")}`;
      setText("batch-status", status);
      this.#results.redraw();
    };
    progress();
    const failure = await scoreRows(this.#service, rows, controller.signal, progress);
    if (this.#controller !== controller) return;
    this.#controller = null;
    setText("batch-status", this.#summary(failure));
    this.#results.sort();
    this.#updateControls(false);
  }

  #summary(failure) {
    const kinds = { positive: 0, negative: 0, uncertain: 0, failed: 0, "not scored": 0 };
    for (const row of this.#rows) kinds[row.prediction ? verdictOf(row.prediction).kind : row.skipped ? "not scored" : "failed"] += 1;
    const parts = Object.entries(kinds).filter(([, number]) => number);
    const counts = parts.map(([kind, number]) => `${number.toLocaleString("en")} ${kind}`).join(", ");
    return `${this.#name}, ${count(this.#rows.length, "review")}: ${counts}. ${failure}`.trim();
  }

  #updateControls(busy) {
    byId("stop").hidden = !busy;
    for (const id of ["counted", "progress"]) byId(id).classList.toggle("idle", !busy);
    byId("download").disabled = busy;
    byId("retry").hidden = busy || !this.#rows.some((row) => row.retryable);
  }

  #download() {
    const lines = this.#results.order.map(({ number, review, prediction, error }) => [
      number,
      review,
      ...COLUMNS.map((name) => prediction?.[name] ?? ""),
      error,
    ]);
    // The byte order mark tells Excel that the file is UTF-8.
    const file = new Blob(["\ufeff", writeCsv([["row", "review", ...COLUMNS, "error"], ...lines])], { type: "text/csv" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `${this.#name.replace(/\.[^.]*$/, "")} scored.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}

/** `retryable`: not tried yet, or another attempt may succeed. `skipped`: scoring ended before it was tried. */
function newRow(number, review) {
  const text = typeof review === "string" ? review.toWellFormed() : "";
  const error = review.message ?? (text.trim() ? "" : "This row is empty.");
  return { number, review: text, prediction: null, error, retryable: !error, skipped: false };
}
