// One review: its verdict and what it is based on, updated while people type.

import { byId, setText } from "./dom.js";
import { Latest, withRetries } from "./latest.js";
import { Sentences } from "./sentences.js";
import { count } from "./verdict.js";

const DEBOUNCE = 250; // milliseconds without a key press before a request is sent
const ATTEMPTS = 3;

export class Review {
  #service;
  #verdicts;
  #latest = new Latest();
  #timer;
  #sentences;
  #field = byId("review");
  #limit = Infinity; // characters; from GET /model
  #listeners;

  /** `listeners` has `onText`, called with the text whenever it changes, and `onVerdict`, once it has a verdict. */
  constructor(service, verdicts, listeners) {
    this.#service = service;
    this.#verdicts = verdicts;
    this.#sentences = new Sentences(service);
    this.#listeners = listeners;
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#latest.cancel(); // the response would be outdated and only flicker
      this.#update();
      this.#timer = setTimeout(() => this.explain(), DEBOUNCE);
    });
    byId("clear").addEventListener("click", () => {
      this.show("");
      this.#field.focus();
    });
    byId("again").addEventListener("click", () => this.explain());
    window.addEventListener("online", () => this.explain());
  }

  /** @param {string} text Replaces the text in the field. */
  show(text) {
    this.#field.value = text;
    clearTimeout(this.#timer);
    this.#update();
    this.explain();
  }

  /** Explain the text in the field. */
  explain() {
    const text = this.#field.value.toWellFormed(); // JSON cannot represent lone surrogates
    if (!text.trim()) {
      this.#latest.cancel();
      this.#show("nothing", "No review yet", "Write one, or choose an example.");
      return;
    }
    byId("reading").ariaBusy = "true";
    this.#latest.start(
      async (signal) => {
        const { limits, versions } = await this.#service.model();
        this.#limit = limits.max_characters;
        this.#verdicts.prepare(versions);
        if (this.#isTooLong()) return null;
        for (const version of this.#verdicts.others) this.#predict(text, version, signal);
        const { version } = this.#verdicts;
        const explanation = await this.#explanation(text, version, signal);
        // The service may have replaced the model since this page was opened.
        return { version, explanation, model: await this.#service.model(explanation.version) };
      },
      (answer) => {
        if (answer) this.#showExplanation(text, answer);
        else this.#show("nothing", "Too long", `The limit is ${count(this.#limit, "character")}. Shorten or split the review.`);
      },
      (problem) => this.#showProblem(problem.message),
    );
  }

  /** The explanation, or just the prediction, with the reason why the rest is `missing`. */
  async #explanation(text, version, signal) {
    const persist = (request) => withRetries(request, ATTEMPTS, (message) => this.#showProblem(message, false), signal);
    const predict = async (missing) => {
      const [prediction] = await this.#service.predict([text], signal, version);
      return { ...prediction, version, missing };
    };
    const limit = (await this.#service.model()).limits.max_explained_length;
    if (Array.from(text).length > limit)
      return persist(() => predict(`Sentences and words are only shown for reviews of up to ${count(limit, "character")}.`));
    try {
      return await persist(() => this.#service.explain(text, signal, version));
    } catch (problem) {
      if (![503, 504].includes(problem.status)) throw problem;
      // Explanations are expensive; a busy service may still have time for a prediction.
      return predict(`This verdict cannot be explained now: ${problem.message}`);
    }
  }

  /** The verdict of a version that does not explain the review. */
  async #predict(text, version, signal) {
    try {
      const [prediction] = await this.#service.predict([text], signal, version);
      const model = await this.#service.model(version);
      if (!signal.aborted) this.#verdicts.show(version, prediction, model);
    } catch (problem) {
      if (!signal.aborted) this.#verdicts.clear("No verdict", problem.message, [version]);
    }
  }

  #showExplanation(text, { version, explanation, model }) {
    const { missing } = explanation;
    byId("explained").hidden = Boolean(missing);
    this.#show("answer");
    this.#verdicts.show(version, explanation, model);
    setText("missing", missing ?? "");
    if (!missing) this.#sentences.show(text, explanation, model.uncertainty);
    this.#listeners.onVerdict(text);
  }

  #showProblem(message, offersRetry = true) {
    this.#show("problem", "No verdict", "");
    setText("problem-message", message);
    byId("again").hidden = !offersRetry;
  }

  /** @param {"answer"|"problem"|"nothing"} what */
  #show(what, verdict, reason) {
    byId("reading").ariaBusy = null;
    byId("answer").hidden = what !== "answer";
    byId("problem").hidden = what !== "problem";
    if (what === "answer") return;
    this.#verdicts.clear(verdict, reason);
    this.#sentences.clear();
  }

  #update() {
    this.#isTooLong();
    this.#listeners.onText(this.#field.value);
  }

  /** Also updates the hint below the field. */
  #isTooLong() {
    const length = Array.from(this.#field.value).length;
    const excess = length - this.#limit;
    byId("hint").classList.toggle("wrong", excess > 0);
    const over = excess > 0 ? `, ${excess.toLocaleString("en")} over the limit of ${this.#limit.toLocaleString("en")}` : "";
    setText("hint", length ? count(length, "character") + over : "The verdict updates as you type.");
    return excess > 0;
  }
}
