// Score many reviews with POST /predict, in requests within the service's limits.

import { pause } from "./latest.js";
import { count } from "./verdict.js";

const MAX_BATCH = 64; // reviews per request: enough to be fast, few enough to show progress and leave room for others
const OVERHEAD = 100; // bytes around the reviews, generously
const ATTEMPTS = 6;
const ABOUT_A_REVIEW = [413, 422, 500]; // other statuses are about the service or the network
const MAX_FAILURES = 10; // consecutive; then the service is failing, not single reviews

export class Scoring {
  #service;
  #failures = 0;

  /** @param {import("./service.js").Service} service */
  constructor(service) {
    this.#service = service;
  }

  /**
   * Score rows in order; each gets a `prediction` or an `error`. A row that fails does not stop the others. If the service
   * cannot be reached, the remaining rows get an `error` and are `skipped`.
   *
   * @param {Array<{review: string}>} rows
   * @param {AbortSignal} signal Stops scoring; the remaining rows are `skipped`.
   * @param {(message?: string) => void} onProgress
   * @returns {Promise<string>} Why scoring ended early, or "".
   */
  async score(rows, signal, onProgress) {
    try {
      const { limits } = await this.#withRetries(() => this.#service.model(), signal, onProgress);
      const scorable = rows.filter((row) => !reject(row, limits));
      for (const batch of batches(scorable, limits)) {
        await this.#scoreBatch(batch, signal, onProgress);
        onProgress();
      }
    } catch (problem) {
      const reason = signal.aborted ? "Stopped." : problem.message;
      for (const row of rows)
        if (!row.prediction && !row.error) Object.assign(row, { error: `Not scored: ${reason}`, retryable: true, skipped: true });
      return reason;
    }
    return "";
  }

  async #scoreBatch(rows, signal, onProgress) {
    if (!rows.length) return;
    try {
      const reviews = rows.map((row) => row.review);
      const predictions = await this.#withRetries(() => this.#service.predict(reviews, signal), signal, onProgress);
      rows.forEach((row, i) => Object.assign(row, { prediction: predictions[i], error: "", retryable: false }));
      this.#failures = 0;
    } catch (problem) {
      if (signal.aborted || !ABOUT_A_REVIEW.includes(problem.status)) throw problem;
      if (rows.length === 1) {
        this.#failures += 1;
        Object.assign(rows[0], { error: problem.message, retryable: problem.status === 500 });
        if (problem.status === 500 && this.#failures === MAX_FAILURES) throw problem;
        return;
      }
      // Find the rows that make the whole batch fail.
      const at = problem.index in rows ? problem.index : -1;
      const groups = at < 0 ? halves(rows) : [[rows[at]], [...rows.slice(0, at), ...rows.slice(at + 1)]];
      for (const group of groups) await this.#scoreBatch(group, signal, onProgress);
    }
  }

  async #withRetries(request, signal, onProgress) {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await request();
      } catch (problem) {
        if (!problem.retryable || attempt === ATTEMPTS) throw problem;
        onProgress(`${problem.message} Trying again in ${count(problem.seconds, "second")} …`);
        await pause(problem.seconds * 1000, signal);
      }
    }
  }
}

/** @returns {boolean} Whether the service would reject the row, which then has an `error`. */
function reject(row, limits) {
  const length = Array.from(row.review).length;
  if (length > limits.max_characters)
    row.error = `Too long: ${count(length, "character")}; the limit is ${limits.max_characters.toLocaleString("en")}.`;
  else if (bytesOf(row.review) + OVERHEAD > limits.max_body_bytes)
    row.error = `Too long: the limit is ${count(limits.max_body_bytes, "byte")} per request.`;
  if (row.error) row.retryable = false;
  return row.error !== "";
}

function* batches(rows, limits) {
  const maxRows = Math.min(MAX_BATCH, limits.max_reviews);
  let batch = [];
  let bytes = OVERHEAD;
  for (const row of rows) {
    const size = bytesOf(row.review);
    if (batch.length && (batch.length === maxRows || bytes + size > limits.max_body_bytes)) {
      yield batch;
      batch = [];
      bytes = OVERHEAD;
    }
    batch.push(row);
    bytes += size;
  }
  if (batch.length) yield batch;
}

/** The size of a review in JSON, with a comma. */
function bytesOf(review) {
  return new TextEncoder().encode(JSON.stringify(review)).length + 1;
}

function halves(rows) {
  const middle = rows.length >> 1;
  return [rows.slice(0, middle), rows.slice(middle)];
}
