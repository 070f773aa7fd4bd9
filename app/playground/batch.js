// Several reviews at once: read a file, score its reviews in batches, show the results in a table.

import { writeCsv } from "./csv.js";
import { SAMPLE } from "./examples.js";
import { pause } from "./latest.js";
import { readRecords, Unreadable } from "./records.js";
import { Results } from "./results.js";
import { Scoring } from "./scoring.js";
import { count, verdictOf } from "./verdict.js";

const REDRAW = 200; // milliseconds

export class Batch {
  #service;
  #results;
  #rows = [];
  #controller = null;
  #name = "";
  #opened = 0; // number of files so far

  /**
   * @param {import("./service.js").Service} service
   * @param {(text: string) => void} onChoice Called with a review that was clicked in the table.
   */
  constructor(service, onChoice) {
    this.#service = service;
    this.#results = new Results(onChoice);
    const file = document.getElementById("file");
    file.addEventListener("change", () => {
      if (file.files[0]) this.#open(file.files[0]);
      file.value = ""; // so that the same file can be chosen again
    });
    document.getElementById("sample").addEventListener("click", () => this.#open(new File([SAMPLE], "sample reviews.csv")));
    document.getElementById("stop").addEventListener("click", () => this.#controller?.abort());
    document.getElementById("retry").addEventListener("click", () => this.retry());
    document.getElementById("download").addEventListener("click", () => this.#download());
    this.#acceptDrops();
  }

  /** Score the rows that failed or were not tried. */
  retry() {
    const remaining = this.#rows.filter((row) => row.retryable);
    if (remaining.length && !this.#controller) this.#score(remaining);
  }

  #acceptDrops() {
    const zone = document.getElementById("drop");
    // Anywhere on the page: outside the zone, a browser would leave the page and open the file.
    for (const name of ["dragover", "dragleave", "drop"])
      document.addEventListener(name, (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        zone.classList.toggle("over", name === "dragover");
        if (name !== "drop") return;
        if (event.dataTransfer.files.length > 1) this.#showError("Drop one file at a time.");
        else if (event.dataTransfer.files.length) this.#open(event.dataTransfer.files[0]);
      });
  }

  async #open(file) {
    this.#showError("");
    const number = ++this.#opened;
    try {
      const { reviews, note } = await readRecords(file);
      if (number !== this.#opened) return; // a file that was chosen later was read faster
      this.#controller?.abort();
      this.#name = file.name;
      this.#rows = reviews.map((review, index) => newRow(index + 1, review));
      const noteElement = document.getElementById("note");
      noteElement.textContent = note;
      noteElement.hidden = !note;
      document.getElementById("batch").hidden = false;
      this.#results.show(this.#rows);
      await this.#score(this.#rows.filter((row) => !row.error));
    } catch (error) {
      if (number !== this.#opened) return;
      if (error instanceof Unreadable) this.#showError(`${file.name}: ${error.message}`);
      else this.#showError(`${file.name} cannot be read. Check that it still exists and that you may open it.`);
    }
  }

  #showError(message) {
    const box = document.getElementById("file-problem");
    box.querySelector("p").textContent = message;
    box.hidden = !message;
  }

  async #score(rows) {
    const controller = new AbortController();
    this.#controller = controller;
    for (const row of rows) Object.assign(row, { error: "", retryable: true, skipped: false });
    this.#updateControls(true);
    let timer = null;
    const scoring = `Scoring ${count(rows.length, "review")} …`;
    const draw = (message = scoring) => {
      clearTimeout(timer);
      timer = null;
      if (this.#controller !== controller) return;
      this.#announce(message);
      this.#showProgress();
      this.#results.redraw();
    };
    const progress = (message) => {
      if (message) draw(message);
      else timer ??= setTimeout(draw, REDRAW); // a fast service would trigger more redraws than anyone can see
    };
    draw();
    await pause(0); // let the browser draw the table first
    const failure = await new Scoring(this.#service).score(rows, controller.signal, progress);
    clearTimeout(timer);
    if (this.#controller !== controller) return; // another file was opened meanwhile
    this.#controller = null;
    this.#announce(this.#summary(failure));
    this.#results.sort();
    this.#updateControls(false);
  }

  /** Screen readers announce every change: the start, the end and problems. */
  #announce(message) {
    const status = document.getElementById("batch-status");
    if (status.textContent !== message) status.textContent = message;
  }

  #showProgress() {
    const done = this.#rows.filter((row) => row.prediction || row.error).length;
    const progress = document.getElementById("progress");
    progress.max = this.#rows.length;
    progress.value = done;
    const counted = `${done.toLocaleString("en")} of ${count(this.#rows.length, "review")}`;
    document.getElementById("counted").textContent = counted;
  }

  #summary(failure) {
    const kinds = { positive: 0, negative: 0, uncertain: 0, failed: 0, "not scored": 0 };
    for (const row of this.#rows) kinds[row.prediction ? verdictOf(row.prediction).kind : row.skipped ? "not scored" : "failed"] += 1;
    const parts = Object.entries(kinds).filter(([, number]) => number);
    const counts = parts.map(([kind, number]) => `${number.toLocaleString("en")} ${kind}`).join(", ");
    return `${this.#name}, ${count(this.#rows.length, "review")}: ${counts}. ${failure}`.trim();
  }

  #updateControls(busy) {
    document.getElementById("stop").hidden = !busy;
    for (const id of ["counted", "progress"]) document.getElementById(id).classList.toggle("idle", !busy);
    document.getElementById("download").disabled = busy;
    document.getElementById("retry").hidden = busy || !this.#rows.some((row) => row.retryable);
  }

  #download() {
    const columns = ["row", "review", "positive_probability", "sentiment", "uncertain", "words", "known_words", "error"];
    const lines = this.#results.order.map(({ number, review, prediction, error }) =>
      prediction
        ? [
            number,
            review,
            prediction.positive_probability,
            prediction.sentiment,
            String(prediction.uncertain),
            prediction.words,
            prediction.known_words,
            "",
          ]
        : [number, review, "", "", "", "", "", error],
    );
    // The byte order mark tells Excel that the file is UTF-8.
    const file = new Blob(["\ufeff", writeCsv([columns, ...lines])], { type: "text/csv" });
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
  const error = typeof review === "string" ? (text.trim() ? "" : "This row is empty.") : review.message;
  return { number, review: text, prediction: null, error, retryable: !error, skipped: false };
}
