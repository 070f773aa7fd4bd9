// One review on the left, and its prediction on the right, updated while people type.

import { curlCommand, httpxProgram } from "./commands.js";
import { byId, setText } from "./dom.js";
import { Latest, withRetries } from "./latest.js";
import { TOO_CERTAIN } from "./pull.js";
import { Terms } from "./terms.js";
import { count, percent, reasonFor, verdictOf } from "./verdict.js";
import { Words } from "./words.js";

const DEBOUNCE = 250; // milliseconds without a key press before a request is sent
const ATTEMPTS = 3;
const COMMANDS = { curl: curlCommand, httpx: httpxProgram };

export class Review {
  #service;
  #latest = new Latest();
  #timer;
  #words = new Words(byId("words"));
  #terms = new Terms();
  #field = byId("review");
  #limit = Infinity; // characters; from GET /model
  #onExplanation;

  /**
   * @param {import("./service.js").Service} service
   * @param {(text: string, explanation: object|null) => void} onExplanation Called with each new explanation; with "" and
   *   null once there is none.
   */
  constructor(service, onExplanation) {
    this.#service = service;
    this.#onExplanation = onExplanation;
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#latest.cancel(); // the response would be outdated and only flicker
      this.#updateHint();
      this.#timer = setTimeout(() => this.explain(), DEBOUNCE);
    });
    byId("clear").addEventListener("click", () => {
      this.show("");
      this.#field.focus();
    });
    byId("again").addEventListener("click", () => this.explain());
    window.addEventListener("online", () => this.explain());
    for (const name in COMMANDS) byId(`copy-${name}`).addEventListener("click", () => this.#copy(name));
    byId("commands").addEventListener("toggle", () => this.#showCommands());
    this.show(this.#field.value); // browsers keep the text when a page is reloaded
  }

  /** @param {string} text Replaces the text in the field. */
  show(text) {
    this.#field.value = text;
    clearTimeout(this.#timer);
    this.#updateHint();
    this.explain();
  }

  /** Explain the text in the field. */
  explain() {
    const text = this.#text;
    if (!text.trim()) {
      this.#latest.cancel();
      this.#show("nothing", "No review yet", "Start typing to see a prediction.");
      return;
    }
    byId("reading").setAttribute("aria-busy", "true");
    this.#latest.start(
      async (signal) => {
        this.#limit = (await this.#service.model()).limits.max_characters;
        if (this.#updateHint()) return null;
        const explanation = await this.#explanation(text, signal);
        // The service may have replaced the model since this page was opened.
        return { explanation, model: await this.#service.model(explanation.version) };
      },
      (answer) => {
        if (answer) this.#showExplanation(text, answer.explanation, answer.model);
        else this.#show("nothing", "Too long", `The limit is ${count(this.#limit, "character")}. Shorten or split the review.`);
      },
      (problem) => this.#showProblem(problem.message),
    );
  }

  /** Lone surrogates, which JSON cannot represent, become replacement characters. */
  get #text() {
    return this.#field.value.toWellFormed();
  }

  async #explanation(text, signal) {
    try {
      const onWait = (message) => this.#showProblem(message, false);
      return await withRetries(() => this.#service.explain(text, signal), ATTEMPTS, onWait, signal);
    } catch (problem) {
      if (![503, 504].includes(problem.status)) throw problem;
      // Explanations are expensive; a busy service may still have time for a prediction.
      const [prediction] = await this.#service.predict([text], signal);
      return { ...prediction, missing: problem.message };
    }
  }

  #showExplanation(text, explanation, { encoding, uncertainty: rule }) {
    const { kind, label } = verdictOf(explanation);
    const { positive_probability: probability, missing } = explanation;
    const reason = reasonFor(explanation, rule);
    this.#show("answer", label, missing ? `${reason} The prediction cannot be explained now: ${missing}` : reason, kind);
    byId("explained").hidden = Boolean(missing);
    byId("certain").hidden = probability <= TOO_CERTAIN;
    if (!missing) {
      this.#words.show(text, explanation, encoding);
      this.#terms.show(explanation);
    }
    const bar = byId("bar");
    bar.dataset.kind = kind;
    for (const [name, value] of Object.entries({ probability, above: rule.above, below: rule.below }))
      bar.style.setProperty(`--${name}`, value);
    bar.setAttribute("aria-valuenow", (probability * 100).toFixed(1));
    bar.setAttribute("aria-valuetext", `${percent(probability)} positive`);
    bar.title = `Probability of being positive: ${probability.toFixed(4)}`;
    byId("copied").textContent = "";
    this.#showCommands();
    this.#onExplanation(text, explanation);
  }

  /** @param {boolean} button Whether to offer a button to try again. */
  #showProblem(message, button = true) {
    this.#show("problem", "No prediction", "");
    setText("problem-message", message);
    byId("again").hidden = !button;
  }

  /** @param {"answer"|"problem"|"nothing"} what */
  #show(what, label, reason, kind = "") {
    byId("reading").removeAttribute("aria-busy");
    byId("answer").hidden = what !== "answer";
    byId("problem").hidden = what !== "problem";
    setText("verdict-label", label);
    setText("verdict-reason", reason);
    byId("verdict").dataset.kind = kind;
    if (what === "answer") return;
    this.#words.clear();
    this.#onExplanation("", null);
  }

  /** @returns {boolean} Whether the text is too long. */
  #updateHint() {
    const length = Array.from(this.#field.value).length;
    const excess = length - this.#limit;
    byId("hint").classList.toggle("wrong", excess > 0);
    const over = excess > 0 ? `, ${excess.toLocaleString("en")} over the limit of ${this.#limit.toLocaleString("en")}` : "";
    setText("hint", length ? count(length, "character") + over : "The prediction updates as you type.");
    return excess > 0;
  }

  #showCommands() {
    if (!byId("commands").open) return;
    for (const name in COMMANDS) setText(name, this.#command(name));
  }

  #command(name) {
    return COMMANDS[name](this.#service.predictAddress, this.#text, this.#service.hasKey);
  }

  async #copy(name) {
    const command = this.#command(name);
    byId("copied").textContent = "";
    try {
      await navigator.clipboard.writeText(command);
      const key = this.#service.hasKey ? " Set SENTIMENT_KEY to your key before you run it." : "";
      byId("copied").textContent = `Copied.${key}`;
    } catch {
      // Browsers only allow it on localhost and over HTTPS.
      byId("commands").open = true;
      setText(name, command);
      getSelection().selectAllChildren(byId(name));
      byId(name).focus();
      byId("copied").textContent = "The browser does not allow copying here. The command is selected below: press Ctrl+C.";
    }
  }
}
