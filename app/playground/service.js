// Requests to the service, and its errors as messages for people.

const TIMEOUT = 30_000; // milliseconds; longer than SENTIMENT_DEADLINE, by default 10 s
const STORED_KEY = "key";

/** A request failed; the message says why and what to do, in full sentences. */
export class Problem extends Error {
  /**
   * @param {string} message For people.
   * @param {{status?: number, retryable?: boolean, seconds?: number, index?: number|null}} details
   *   `retryable`: try again after `seconds`. `index`: of the review that caused it.
   */
  constructor(message, { status = 0, retryable = false, seconds = 1, index = null } = {}) {
    super(message);
    Object.assign(this, { status, retryable, seconds, index });
  }
}

/** @returns {string} The first character that a key cannot contain, because it does not fit into a header; or "". */
export function invalidCharacterIn(key) {
  return /[^\x20-\x7e]/u.exec(key)?.[0] ?? "";
}

/** Sends requests. All promises reject with a `Problem`, or with an AbortError if the caller aborts. */
export class Service extends EventTarget {
  #base;
  #key;
  #models = new Map(); // version → promise; "" is the default version

  /** @param {string} base The address of the page. All paths are relative to it, so that it works below a proxy's prefix. */
  constructor(base) {
    super();
    this.#base = base;
    this.#key = storedKey();
  }

  /** @param {string} key Sent with every request from now on; kept until the tab is closed. */
  set key(key) {
    this.#key = key;
    try {
      sessionStorage.setItem(STORED_KEY, key);
    } catch {
      // Some browsers forbid it; the key then lasts until the page is closed.
    }
  }

  get hasKey() {
    return this.#key !== "";
  }

  get predictAddress() {
    return new URL("predict", this.#base).href;
  }

  /** A version of the model, by default the default version, and its limits; requested once. */
  model(version = "") {
    if (!this.#models.has(version)) {
      const model = this.#request(withVersion("model", version), (model) => model.limits && model);
      this.#models.set(version, model);
      model.catch(() => this.#models.delete(version));
    }
    return this.#models.get(version);
  }

  /** The explanation also has the `version` that made it. */
  async explain(review, signal, version = "") {
    const first = ({ model, explanations }) => explanations[0] && { ...explanations[0], version: model.version };
    return this.#request(withVersion("explain", version), first, { reviews: [review] }, signal);
  }

  async predict(reviews, signal, version = "") {
    const all = ({ predictions }) => predictions.length === reviews.length && predictions;
    return this.#request(withVersion("predict", version), all, { reviews }, signal);
  }

  /** `select` returns the needed part of the response, and throws or returns a falsy value if it is not there. */
  async #request(path, select, body, signal) {
    const headers = { Accept: "application/json" };
    if (this.#key) headers.Authorization = `Bearer ${this.#key}`;
    if (body) headers["Content-Type"] = "application/json";
    const timeout = AbortSignal.timeout(TIMEOUT);
    try {
      const response = await fetch(new URL(path, this.#base), {
        method: body ? "POST" : "GET",
        headers,
        body: body && JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      if (!response.ok) throw await problemOf(response);
      return await read(response, select);
    } catch (error) {
      if (error.status === 401) this.dispatchEvent(new Event("key-needed"));
      throw withMessage(error, signal);
    }
  }
}

function withVersion(path, version) {
  return version ? `${path}?version=${encodeURIComponent(version)}` : path;
}

async function read(response, select) {
  const text = await response.text();
  try {
    const selected = select(JSON.parse(text));
    if (selected) return selected;
  } catch {
    // Not JSON, or not the expected fields.
  }
  throw new Problem("The response is not valid: it was cut off, or something in front of the service changed it. Try again.");
}

async function problemOf(response) {
  const problem = await response.json().catch(() => null);
  const detail = typeof problem?.detail === "string" ? problem.detail : "";
  const status = response.status;
  const seconds = Math.min(Number.parseInt(response.headers.get("Retry-After"), 10) || 1, 60);
  const id = response.headers.get("X-Request-ID");
  const index = Number.isInteger(problem?.index) ? problem.index : indexIn(problem?.errors);
  const messages = {
    401: "The service requires an API key. Enter it at the top of this page.",
    404: `${detail || "Not found."} This page may be from another version of the service. Reload it.`,
    413: detail || "The request is too large. Send fewer or shorter reviews.",
    415: detail || "The service does not accept this media type. Reload the page.",
    422: detail || "The service rejected the request.",
    500: `${detail || "The service failed."} Try again. The service's log has the cause${id ? ` under request ID ${id}` : ""}.`,
    503: `The service is busy or not ready. ${detail}`,
    504: `The service took too long. ${detail || "Try again, or send fewer or shorter reviews."}`,
  };
  const message = messages[status] ?? `Unexpected status ${status} from the service or a proxy. ${detail || "Try again later."}`;
  return new Problem(message.trim(), { status, retryable: [429, 502, 503, 504].includes(status), seconds, index });
}

// From a validation error, {"location": "reviews.3", …}.
function indexIn(errors) {
  const location = Array.isArray(errors) ? errors[0]?.location : "";
  const match = /^reviews\.(\d+)/.exec(location ?? "");
  return match ? Number(match[1]) : null;
}

function withMessage(error, signal) {
  if (error instanceof Problem || signal?.aborted) return error;
  if (error.name === "TimeoutError")
    return new Problem(`The service did not respond within ${TIMEOUT / 1000} seconds. Try again later.`, { retryable: true });
  return new Problem("The service cannot be reached. Check your network and that the service is running. Your text is kept.", {
    retryable: true,
    seconds: 2,
  });
}

function storedKey() {
  try {
    const key = sessionStorage.getItem(STORED_KEY) ?? "";
    return invalidCharacterIn(key) ? "" : key; // with it, every fetch would fail
  } catch {
    return "";
  }
}
