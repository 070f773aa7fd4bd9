// Requests to the service, and its errors as messages for people.

import { addressOf, bodyOf } from "./commands.js";
import { recall, remember } from "./shared/storage.js";

const TIMEOUT = 30_000; // milliseconds; longer than SENTIMENT_DEADLINE, by default 10 s

/** A request failed; the message says why and what to do, in full sentences. */
export class Problem extends Error {
  /** `retryable`: it makes sense to try again after `seconds`. */
  constructor(message, { status = 0, retryable = false, seconds = 2 } = {}) {
    super(message);
    Object.assign(this, { status, retryable, seconds });
  }
}

/** Sends requests. All promises reject with a `Problem`, or with an AbortError if the caller aborts. */
export class Service extends EventTarget {
  #key = recall("sessionStorage", "key");
  #models = new Map(); // version → promise; "" is the default version

  /** @param {string} base The address of the page. All paths are relative to it, so that it works below a proxy's prefix. */
  constructor(base) {
    super();
    this.base = new URL(".", base).href; // ends with a slash
  }

  /** @param {string} key Sent with every request from now on; kept until the tab is closed. */
  set key(key) {
    this.#key = key;
    this.#models.clear(); // requests on their way have the old key
    remember("sessionStorage", "key", key);
  }

  get hasKey() {
    return this.#key !== "";
  }

  /** A version of the model, by default the default version, and its limits; requested once. */
  model(version = "") {
    if (!this.#models.has(version)) {
      const model = this.#request("model", version, (model) => model.limits && model);
      this.#models.set(version, model);
      model.catch(() => this.#models.get(version) === model && this.#models.delete(version));
    }
    return this.#models.get(version);
  }

  /** The explanation also has the `version` that made it. */
  async explain(review, signal, version) {
    const first = ({ model, explanations: [one] }) => one.sentences && { ...one, version: model.version };
    return this.#request("explain", version, first, { reviews: [review] }, signal);
  }

  async predict(reviews, signal, version) {
    const all = ({ predictions }) => predictions.length === reviews.length && predictions;
    return this.#request("predict", version, all, { reviews }, signal);
  }

  /** The whole response. @param {import("./commands.js").Call} call */
  async send(call, signal) {
    return this.#request(call.endpoint, call.version, (response) => response, bodyOf(call), signal);
  }

  /** `select` returns the needed part of the response, and throws or returns a falsy value if it is not there. */
  async #request(endpoint, version, select, body, signal) {
    const headers = { Accept: "application/json" };
    const key = this.#key;
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body) headers["Content-Type"] = "application/json";
    const signals = [AbortSignal.timeout(TIMEOUT), signal].filter(Boolean);
    const response = await fetch(addressOf({ base: this.base, endpoint, version }), {
      method: body ? "POST" : "GET",
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.any(signals),
    }).catch((error) => {
      throw signal?.aborted ? error : unreachable(error);
    });
    if (response.status === 401 && key === this.#key) this.dispatchEvent(new Event("key-needed"));
    if (!response.ok) throw await problemOf(response);
    const selected = await response.json().then(select).catch(() => null);
    if (!selected) throw new Problem("The response was not valid: it was cut off or changed on its way here. Try again.");
    return selected;
  }
}

async function problemOf(response) {
  const problem = await response.json().catch(() => null);
  const detail = typeof problem?.detail === "string" ? problem.detail : "";
  const status = response.status;
  const seconds = Math.min(Number.parseInt(response.headers.get("Retry-After"), 10) || 1, 60);
  const id = response.headers.get("X-Request-ID");
  const messages = {
    401: "The service requires an API key. Enter it at the top of this page.",
    404: `${detail || "Not found."} This page may be out of date. Reload it.`,
    413: detail || "The request is too large. Send fewer or shorter reviews.",
    422: detail || "The service rejected the request.",
    500: `${detail || "The service failed."} Try again. The service's log has the cause${id ? ` under request ID ${id}` : ""}.`,
    503: `The service is busy or not ready. ${detail}`,
    504: `The service took too long. ${detail || "Try again, or send fewer or shorter reviews."}`,
  };
  const message = messages[status] ?? `Unexpected status ${status} from the service or a proxy. ${detail || "Try again later."}`;
  return new Problem(message.trim(), { status, retryable: [429, 502, 503, 504].includes(status), seconds });
}

function unreachable(error) {
  const message =
    error.name === "TimeoutError"
      ? `The service did not respond within ${TIMEOUT / 1000} seconds. Try again later.`
      : "The service cannot be reached. Check your network and that the service is running. Your text is still here.";
  return new Problem(message, { retryable: true });
}
