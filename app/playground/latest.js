// Of several questions, only the latest counts.

export class Latest {
  #number = 0;
  #controller = null;

  /**
   * Ask; whatever was asked before is given up.
   *
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} question
   * @param {(answer: T) => void} onAnswer Not called when another question came in between, whichever answer is first.
   * @param {(error: Error) => void} onError The same.
   */
  async ask(question, onAnswer, onError) {
    this.drop();
    const number = this.#number;
    this.#controller = new AbortController();
    try {
      const answer = await question(this.#controller.signal);
      if (number === this.#number) onAnswer(answer);
    } catch (error) {
      if (number === this.#number) onError(error);
    }
  }

  /** Give up whatever was asked. */
  drop() {
    this.#number += 1;
    this.#controller?.abort();
  }
}

/** Wait; fails as soon as the signal does. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const given = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", given);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", given, { once: true });
  });
}
