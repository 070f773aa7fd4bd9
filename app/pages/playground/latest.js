// Requests over time: only the latest counts, and those that fail are repeated.

import { count } from "./verdict.js";

/** Only the latest of several requests counts. */
export class Latest {
  #controller = null;

  /** Start a request and cancel the previous one; neither callback is called once a later request has started. */
  async start(request, onResponse, onError) {
    this.cancel();
    const controller = (this.#controller = new AbortController());
    try {
      const response = await request(controller.signal);
      if (controller === this.#controller) onResponse(response);
    } catch (error) {
      if (controller === this.#controller) onError(error);
    }
  }

  cancel() {
    this.#controller?.abort();
    this.#controller = null;
  }
}

/** Repeat a request that fails with a `Problem` that may pass. `onWait` gets a message before each pause. */
export async function withRetries(request, attempts, onWait, signal) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request();
    } catch (problem) {
      if (!problem.retryable || attempt === attempts) throw problem;
      onWait(`${problem.message} Trying again in ${count(problem.seconds, "second")} …`);
      await new Promise((resolve, reject) => {
        setTimeout(resolve, problem.seconds * 1000);
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    }
  }
}
