// The service behind the page: what is asked of it, and what goes wrong, in words.

const PATIENCE = 30_000; // milliseconds; the service itself gives up after SENTIMENT_DEADLINE, 10 s by default
const STORED_KEY = "key";

/** Something went wrong; the message says what, and what to do, in whole sentences. */
export class Problem extends Error {
  /**
   * @param {string} message For people.
   * @param {{status?: number, passing?: boolean, seconds?: number, index?: number|null}} more
   *   `passing`: it may be gone after `seconds`. `index`: the review that it is about.
   */
  constructor(message, { status = 0, passing = false, seconds = 1, index = null } = {}) {
    super(message);
    Object.assign(this, { status, passing, seconds, index });
  }
}

/** @returns {string} The first character that no key has, as few of its kind fit into a header; or "". */
export function strangeIn(key) {
  return /[^\x20-\x7e]/u.exec(key)?.[0] ?? "";
}

/** Asks the service; all answers come as promises that fail with a `Problem`, or with an AbortError where one was asked for. */
export class Service extends EventTarget {
  #base;
  #key;
  #model = null;

  /** @param {string} base The address of the page. All others are relative to it, so it works below a proxy's prefix. */
  constructor(base) {
    super();
    this.#base = base;
    this.#key = storedKey();
  }

  /** @param {string} key Sent with everything from now on; kept as long as the tab is open. */
  set key(key) {
    this.#key = key;
    try {
      sessionStorage.setItem(STORED_KEY, key);
    } catch {
      // Then it lasts as long as the page.
    }
  }

  get hasKey() {
    return this.#key !== "";
  }

  get predictAddress() {
    return new URL("predict", this.#base).href;
  }

  /** What is served, with its limits; asked once. */
  model() {
    this.#model ??= this.#ask("model", (model) => model.limits && model).catch((problem) => {
      this.#model = null;
      throw problem;
    });
    return this.#model;
  }

  async explain(review, signal) {
    return this.#ask("explain", (answer) => answer.explanations[0], { reviews: [review] }, signal);
  }

  async predict(reviews, signal) {
    const all = ({ predictions }) => predictions.length === reviews.length && predictions;
    return this.#ask("predict", all, { reviews }, signal);
  }

  /** `part` takes what is wanted from the answer, and finds nothing in one that is no answer. */
  async #ask(path, part, body, signal) {
    const headers = { Accept: "application/json" };
    if (this.#key) headers.Authorization = `Bearer ${this.#key}`;
    if (body) headers["Content-Type"] = "application/json";
    const timeout = AbortSignal.timeout(PATIENCE);
    try {
      const response = await fetch(new URL(path, this.#base), {
        method: body ? "POST" : "GET",
        headers,
        body: body && JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      if (!response.ok) throw await problemOf(response);
      return await read(response, part);
    } catch (error) {
      if (error.status === 401) this.dispatchEvent(new Event("key-needed"));
      throw inWords(error, signal);
    }
  }
}

async function read(response, part) {
  const text = await response.text();
  try {
    const found = part(JSON.parse(text));
    if (found) return found;
  } catch {
    // Not JSON, or not of the shape that was expected.
  }
  throw new Problem("The answer cannot be read: it was cut off, or something between here and the service changed it. Try again.");
}

async function problemOf(response) {
  const told = await response.json().catch(() => null);
  const detail = typeof told?.detail === "string" ? told.detail : "";
  const status = response.status;
  const seconds = Math.min(Number.parseInt(response.headers.get("Retry-After"), 10) || 1, 60);
  const id = response.headers.get("X-Request-ID");
  const index = Number.isInteger(told?.index) ? told.index : indexIn(told?.errors);
  const known = {
    401: "The service wants a key. Enter one at the top of this page.",
    404: `${detail || "There is nothing at this address."} Is this page from another version of the service? Reload it.`,
    413: detail || "That is too much for one request. Send less at a time.",
    415: detail || "The service does not take this form. Reload the page.",
    422: detail || "The service cannot read this.",
    500: `${detail || "The service failed."} Whoever runs it finds the cause under ${id ?? "the time of day"}. It may work if you try again.`,
    503: `The service is busy or not ready. ${detail}`,
    504: `It took the service too long. ${detail || "Try again, or send less at a time."}`,
  };
  const words = known[status] ?? `The answer was ${status}, from the service or something before it. ${detail || "Try again later."}`;
  return new Problem(words.trim(), { status, passing: [429, 502, 503, 504].includes(status), seconds, index });
}

// Of a body that does not fit the schema: {"location": "reviews.3", …}.
function indexIn(errors) {
  const location = Array.isArray(errors) ? errors[0]?.location : "";
  const match = /^reviews\.(\d+)/.exec(location ?? "");
  return match ? Number(match[1]) : null;
}

function inWords(error, signal) {
  if (error instanceof Problem || signal?.aborted) return error;
  if (error.name === "TimeoutError")
    return new Problem(`There was no answer within ${PATIENCE / 1000} seconds. Try again later.`, { passing: true });
  return new Problem("The service cannot be reached. Check your network, and whether the service runs; what you wrote stays here.", {
    passing: true,
    seconds: 2,
  });
}

function storedKey() {
  try {
    const key = sessionStorage.getItem(STORED_KEY) ?? "";
    return strangeIn(key) ? "" : key; // with it, fetch would fail whatever is asked
  } catch {
    return "";
  }
}
