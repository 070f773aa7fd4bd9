// Score many reviews with POST /predict, in requests within the service's limits.

import { withRetries } from "./latest.js";
import { count, read } from "./verdict.js";

const MAX_BATCH = 64; // reviews per request: enough to be fast, few enough to show progress and leave room for others
const OVERHEAD = 100; // bytes around the reviews, generously
const ATTEMPTS = 6;
const ABOUT_A_REVIEW = [413, 422, 500]; // other statuses are about the service or the network
const MAX_FAILURES = 10; // consecutive; then the service is failing, not single reviews

/**
 * Score rows in order; each gets a `prediction` and its `reading`, or an `error`. A row that fails does not stop the others.
 * If the service cannot be reached, or `signal` stops scoring, the remaining rows get an `error` and are `skipped`.
 *
 * @returns {Promise<string>} Why scoring ended early, or "".
 */
export async function scoreRows(service, rows, version, signal, onProgress) {
  const request = (send) => withRetries(send, ATTEMPTS, onProgress, signal);
  let failures = 0;
  let rule = null;

  async function scoreBatch(batch) {
    try {
      const reviews = batch.map((row) => row.review);
      const predictions = await request(() => service.predict(reviews, signal, version));
      batch.forEach((row, i) => {
        const prediction = predictions[i];
        Object.assign(row, { prediction, reading: read(prediction, rule), error: "", retryable: false });
      });
      failures = 0;
    } catch (problem) {
      if (!ABOUT_A_REVIEW.includes(problem.status)) throw problem;
      if (batch.length > 1) {
        // Find the rows that make the whole batch fail.
        const middle = batch.length >> 1;
        await scoreBatch(batch.slice(0, middle));
        await scoreBatch(batch.slice(middle));
        return;
      }
      Object.assign(batch[0], { error: problem.message, retryable: problem.status === 500 });
      if (problem.status === 500 && ++failures === MAX_FAILURES) throw problem;
    }
  }

  try {
    const { limits, uncertainty } = await request(() => service.model(version));
    rule = uncertainty;
    for (const batch of batchesOf(rows, limits)) {
      await scoreBatch(batch);
      onProgress();
    }
    return "";
  } catch (problem) {
    const reason = signal.aborted ? "Stopped." : problem.message;
    for (const row of rows)
      if (!row.prediction && !row.error) Object.assign(row, { error: `Not scored: ${reason}`, retryable: true, skipped: true });
    return reason;
  }
}

/** Batches of the rows that fit; the others get an `error`. */
function* batchesOf(rows, limits) {
  const maxRows = Math.min(MAX_BATCH, limits.max_reviews);
  let batch = [];
  let bytes = OVERHEAD;
  for (const row of rows) {
    const size = new Blob([JSON.stringify(row.review), ","]).size;
    const length = Array.from(row.review).length;
    if (length > limits.max_characters)
      row.error = `Too long: ${count(length, "character")}; the limit is ${limits.max_characters.toLocaleString("en")}.`;
    else if (size + OVERHEAD > limits.max_body_bytes)
      row.error = `Too long: the limit is ${count(limits.max_body_bytes, "byte")} per request.`;
    if (row.error) {
      row.retryable = false;
      continue;
    }
    if (batch.length === maxRows || bytes + size > limits.max_body_bytes) {
      yield batch;
      batch = [];
      bytes = OVERHEAD;
    }
    batch.push(row);
    bytes += size;
  }
  if (batch.length) yield batch;
}
