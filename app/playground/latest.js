// Only the latest of several requests counts.

export class Latest {
  #number = 0;
  #controller = null;

  /**
   * Start a request and cancel the previous one.
   *
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} request
   * @param {(response: T) => void} onResponse Not called once a later request has started.
   * @param {(error: Error) => void} onError The same.
   */
  async start(request, onResponse, onError) {
    this.cancel();
    const number = this.#number;
    this.#controller = new AbortController();
    try {
      const response = await request(this.#controller.signal);
      if (number === this.#number) onResponse(response);
    } catch (error) {
      if (number === this.#number) onError(error);
    }
  }

  /** Cancel the current request. */
  cancel() {
    this.#number += 1;
    this.#controller?.abort();
  }
}

/** Wait; rejects as soon as the signal aborts. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const cancel = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", cancel);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", cancel, { once: true });
  });
}
