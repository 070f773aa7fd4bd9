// Many reviews through POST /predict, in requests that keep to the service's limits.

import { pause } from "./latest.js";
import { count } from "./verdict.js";

const SIZE = 64; // reviews a request: enough to be fast, few enough to see progress and to leave room for others
const FRAME = 100; // bytes around the reviews, generously
const ATTEMPTS = 6;
const ABOUT_A_ROW = [413, 422, 500]; // anything else is about the service or the way to it
const MOST_FAILURES = 10; // in a row; then it is not the rows
const STOPPED = "Not scored: it was stopped.";

export class Scoring {
  #service;
  #failures = 0;

  /** @param {import("./service.js").Service} service */
  constructor(service) {
    this.#service = service;
  }

  /**
   * Score rows, in order; each gets a `prediction` or an `error`. A row that fails does not stop the others; a service
   * that cannot be reached does; the rows that it leaves get an `error` and `left`.
   *
   * @param {Array<{review: string}>} rows
   * @param {AbortSignal} signal Ends it; rows without an answer are marked so.
   * @param {(message?: string) => void} onProgress
   * @returns {Promise<string>} What a person should know about how it ended.
   */
  async score(rows, signal, onProgress) {
    let ended = "";
    try {
      const { limits } = await this.#patiently(() => this.#service.model(), signal, onProgress);
      const fitting = rows.filter((row) => !refuse(row, limits));
      for (const part of parts(fitting, limits)) {
        await this.#part(part, signal, onProgress);
        onProgress();
      }
    } catch (problem) {
      ended = signal.aborted ? "It was stopped." : problem.message;
      for (const row of rows)
        if (!row.prediction && !row.error)
          Object.assign(row, { error: signal.aborted ? STOPPED : `Not scored: ${problem.message}`, again: true, left: true });
    }
    return ended;
  }

  async #part(rows, signal, onProgress) {
    if (!rows.length) return;
    try {
      const reviews = rows.map((row) => row.review);
      const predictions = await this.#patiently(() => this.#service.predict(reviews, signal), signal, onProgress);
      rows.forEach((row, i) => Object.assign(row, { prediction: predictions[i], error: "", again: false }));
      this.#failures = 0;
    } catch (problem) {
      if (signal.aborted || !ABOUT_A_ROW.includes(problem.status)) throw problem;
      if (rows.length === 1) {
        this.#failures += 1;
        Object.assign(rows[0], { error: problem.message, again: problem.status === 500 });
        if (problem.status === 500 && this.#failures === MOST_FAILURES) throw problem;
        return;
      }
      // Some of them spoil it for the others: find out which.
      const at = problem.index in rows ? problem.index : -1;
      const groups = at < 0 ? halves(rows) : [[rows[at]], [...rows.slice(0, at), ...rows.slice(at + 1)]];
      for (const group of groups) await this.#part(group, signal, onProgress);
    }
  }

  /** Try again what may work in a moment. */
  async #patiently(question, signal, onProgress) {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await question();
      } catch (problem) {
        if (!problem.passing || attempt === ATTEMPTS) throw problem;
        onProgress(`${problem.message} Trying again in ${count(problem.seconds, "second")} …`);
        await pause(problem.seconds * 1000, signal);
      }
    }
  }
}

/** @returns {boolean} Whether the service would refuse it, which the row then says. */
function refuse(row, limits) {
  const length = Array.from(row.review).length;
  if (length > limits.max_characters)
    row.error = `Too long: ${count(length, "character")}, a review may have ${limits.max_characters.toLocaleString("en")}.`;
  else if (bytesOf(row.review) + FRAME > limits.max_body_bytes)
    row.error = `Too long: a request may have ${count(limits.max_body_bytes, "byte")}.`;
  if (row.error) row.again = false;
  return row.error !== "";
}

function* parts(rows, limits) {
  const most = Math.min(SIZE, limits.max_reviews);
  let part = [];
  let bytes = FRAME;
  for (const row of rows) {
    const size = bytesOf(row.review);
    if (part.length && (part.length === most || bytes + size > limits.max_body_bytes)) {
      yield part;
      part = [];
      bytes = FRAME;
    }
    part.push(row);
    bytes += size;
  }
  if (part.length) yield part;
}

/** In JSON, with the comma behind it. */
function bytesOf(review) {
  return new TextEncoder().encode(JSON.stringify(review)).length + 1;
}

function halves(rows) {
  const middle = rows.length >> 1;
  return [rows.slice(0, middle), rows.slice(middle)];
}
