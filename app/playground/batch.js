// Several reviews at once: a file comes in, its reviews are scored request by request, a table shows what came of it.

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
  #opened = 0; // files so far

  /**
   * @param {import("./service.js").Service} service
   * @param {(text: string) => void} onChoice Called with a review that somebody wants to look at closely.
   */
  constructor(service, onChoice) {
    this.#service = service;
    this.#results = new Results(onChoice);
    const file = document.getElementById("file");
    file.addEventListener("change", () => {
      if (file.files[0]) this.#open(file.files[0]);
      file.value = ""; // so that the same file can be chosen again
    });
    document.getElementById("sample").addEventListener("click", () => this.#open(new File([SAMPLE], "made-up reviews.csv")));
    document.getElementById("stop").addEventListener("click", () => this.#controller?.abort());
    document.getElementById("retry").addEventListener("click", () => this.retry());
    document.getElementById("download").addEventListener("click", () => this.#download());
    this.#takeDrops();
  }

  /** Score the rows that failed once more, and those that were not tried. */
  retry() {
    const missing = this.#rows.filter((row) => row.again);
    if (missing.length && !this.#controller) this.#score(missing);
  }

  #takeDrops() {
    const zone = document.getElementById("drop");
    // Anywhere on the page, as beside the zone a browser would leave the page and show the file.
    for (const name of ["dragover", "dragleave", "drop"])
      document.addEventListener(name, (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        zone.classList.toggle("over", name === "dragover");
        if (name !== "drop") return;
        if (event.dataTransfer.files.length > 1) this.#refuse("Drop one file at a time.");
        else if (event.dataTransfer.files.length) this.#open(event.dataTransfer.files[0]);
      });
  }

  async #open(file) {
    this.#refuse("");
    const number = ++this.#opened;
    try {
      const { reviews, note } = await readRecords(file);
      if (number !== this.#opened) return; // a smaller file, chosen later, has taken its place
      this.#controller?.abort();
      this.#name = file.name;
      this.#rows = reviews.map((review, index) => newRow(index + 1, review));
      const noted = document.getElementById("note");
      noted.textContent = note;
      noted.hidden = !note;
      document.getElementById("batch").hidden = false;
      this.#results.show(this.#rows);
      await this.#score(this.#rows.filter((row) => !row.error));
    } catch (error) {
      if (number !== this.#opened) return;
      if (error instanceof Unreadable) this.#refuse(`${file.name}: ${error.message}`);
      else this.#refuse(`${file.name} cannot be read. Is it still there, and may you open it?`);
    }
  }

  #refuse(message) {
    const box = document.getElementById("file-problem");
    box.querySelector("p").textContent = message;
    box.hidden = !message;
  }

  async #score(rows) {
    const controller = new AbortController();
    this.#controller = controller;
    for (const row of rows) Object.assign(row, { error: "", again: true, left: false });
    this.#buttons(true);
    let timer = null;
    const scoring = `Scoring ${count(rows.length, "review")} …`;
    const draw = (message = scoring) => {
      clearTimeout(timer);
      timer = null;
      if (this.#controller !== controller) return;
      this.#say(message);
      this.#count();
      this.#results.redraw();
    };
    const progress = (message) => {
      if (message) draw(message);
      else timer ??= setTimeout(draw, REDRAW); // a quick service would have it drawn more often than anyone can see
    };
    draw();
    await pause(0); // so that the table is there before the work begins
    const ended = await new Scoring(this.#service).score(rows, controller.signal, progress);
    clearTimeout(timer);
    if (this.#controller !== controller) return; // another file has taken its place
    this.#controller = null;
    this.#say(this.#summary(ended));
    this.#results.sort();
    this.#buttons(false);
  }

  /** What screen readers read out: how it begins and ends, and problems. Whatever is written here again is read again. */
  #say(message) {
    const status = document.getElementById("batch-status");
    if (status.textContent !== message) status.textContent = message;
  }

  #count() {
    const done = this.#rows.filter((row) => row.prediction || row.error).length;
    const progress = document.getElementById("progress");
    progress.max = this.#rows.length;
    progress.value = done;
    const counted = `${done.toLocaleString("en")} of ${count(this.#rows.length, "review")}`;
    document.getElementById("counted").textContent = counted;
  }

  #summary(ended) {
    const kinds = { positive: 0, negative: 0, uncertain: 0, failed: 0, "not scored": 0 };
    for (const row of this.#rows) kinds[row.prediction ? verdictOf(row.prediction).kind : row.left ? "not scored" : "failed"] += 1;
    const parts = Object.entries(kinds).filter(([, number]) => number);
    const told = parts.map(([kind, number]) => `${number.toLocaleString("en")} ${kind}`).join(", ");
    return `${this.#name}, ${count(this.#rows.length, "review")}: ${told}. ${ended}`.trim();
  }

  #buttons(busy) {
    document.getElementById("stop").hidden = !busy;
    for (const id of ["counted", "progress"]) document.getElementById(id).classList.toggle("idle", !busy);
    document.getElementById("download").disabled = busy;
    document.getElementById("retry").hidden = busy || !this.#rows.some((row) => row.again);
  }

  #download() {
    const columns = ["row", "review", "positive_probability", "sentiment", "verdict", "words", "known_words", "error"];
    const lines = this.#results.order.map(({ number, review, prediction, error }) =>
      prediction
        ? [
            number,
            review,
            prediction.positive_probability,
            prediction.sentiment,
            verdictOf(prediction).kind,
            prediction.words,
            prediction.known_words,
            "",
          ]
        : [number, review, "", "", "", "", "", error],
    );
    // The mark at the beginning tells Excel that this is UTF-8.
    const file = new Blob(["\ufeff", writeCsv([columns, ...lines])], { type: "text/csv" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `${this.#name.replace(/\.[^.]*$/, "")} scored.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}

/** `again`: whether scoring it makes sense, as it was not tried, or may work another time. `left`: not tried in the end. */
function newRow(number, review) {
  const text = typeof review === "string" ? review.toWellFormed() : "";
  const error = typeof review === "string" ? (text.trim() ? "" : "There is nothing to read in this row.") : review.message;
  return { number, review: text, prediction: null, error, again: !error, left: false };
}
