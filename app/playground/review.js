// One review on the left, and its prediction on the right, updated while people type.

import { httpxProgram, curlCommand } from "./commands.js";
import { Latest, pause } from "./latest.js";
import { TOO_CERTAIN } from "./pull.js";
import { Terms } from "./terms.js";
import { count, percent, verdictOf, whyUncertain } from "./verdict.js";
import { Words } from "./words.js";

const DEBOUNCE = 250; // milliseconds without a key press before a request is sent
const ATTEMPTS = 3;

export class Review {
  #service;
  #latest = new Latest();
  #timer;
  #words = new Words(document.getElementById("words"), document.getElementById("numbers"));
  #terms = new Terms();
  #field = document.getElementById("review");
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
    document.getElementById("clear").addEventListener("click", () => {
      this.show("");
      this.#field.focus();
    });
    document.getElementById("again").addEventListener("click", () => this.explain());
    window.addEventListener("online", () => this.explain());
    for (const [name, command] of [
      ["curl", curlCommand],
      ["httpx", httpxProgram],
    ])
      document.getElementById(`copy-${name}`).addEventListener("click", () => copy(name, this.#command(command)));
    document.getElementById("commands").addEventListener("toggle", () => this.#showCommands());
    this.#updateHint();
    this.explain(); // browsers keep the text when a page is reloaded
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
      this.#show("nothing");
      this.#setVerdict("No review yet", "Start typing to see a prediction.");
      return;
    }
    document.getElementById("reading").setAttribute("aria-busy", "true");
    this.#latest.start(
      async (signal) => {
        const { limits, version } = await this.#service.model();
        this.#limit = limits.max_characters;
        signal.throwIfAborted();
        if (this.#updateHint()) return null;
        const explanation = await this.#explanation(text, signal);
        // The service may have replaced the model since this page was opened.
        return { explanation, model: await this.#service.model(explanation.version ?? version) };
      },
      (answer) => {
        if (answer) this.#showExplanation(text, answer.explanation, answer.model);
        else this.#showTooLong();
      },
      (problem) => this.#showProblem(problem.message),
    );
  }

  /** Lone surrogates, which JSON cannot represent, become replacement characters. */
  get #text() {
    return this.#field.value.toWellFormed();
  }

  async #explanation(text, signal) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#service.explain(text, signal);
      } catch (problem) {
        if (!problem.retryable || signal.aborted) throw problem;
        if (attempt === ATTEMPTS) {
          if (problem.status !== 503 && problem.status !== 504) throw problem;
          // Explanations are expensive; a busy service may still have time for a prediction.
          const [prediction] = await this.#service.predict([text], signal);
          return { ...prediction, missing: problem.message };
        }
        this.#showProblem(`${problem.message} Trying again in ${count(problem.seconds, "second")} …`, false);
        await pause(problem.seconds * 1000, signal);
      }
    }
  }

  #showExplanation(text, explanation, { encoding, uncertainty: rule }) {
    const { kind, label, knows } = verdictOf(explanation);
    const reason = explanation.uncertain ? `${knows} ${whyUncertain(explanation, rule)}` : knows;
    const probability = explanation.positive_probability;
    this.#show("answer");
    this.#setVerdict(label, explanation.missing ? `${reason} No explanation: ${explanation.missing}` : reason, kind);
    document.getElementById("explained").hidden = !explanation.terms;
    document.getElementById("certain").hidden = probability <= TOO_CERTAIN;
    if (explanation.terms) {
      this.#words.show(text, explanation, encoding);
      this.#terms.show(explanation);
    }
    const bar = document.getElementById("bar");
    bar.dataset.kind = kind;
    for (const [name, value] of Object.entries({ probability, above: rule.above, below: rule.below }))
      bar.style.setProperty(`--${name}`, value);
    bar.setAttribute("aria-valuenow", (probability * 100).toFixed(1));
    bar.setAttribute("aria-valuetext", `${percent(probability)} positive`);
    bar.title = `Probability of being positive: ${probability.toFixed(4)}`;
    document.getElementById("copied").textContent = "";
    this.#showCommands();
    this.#onExplanation(text, explanation);
  }

  #showTooLong() {
    this.#show("nothing");
    this.#setVerdict("Too long", `The limit is ${count(this.#limit, "character")}. Shorten or split the review.`);
  }

  /** @param {boolean} button Whether to offer a button to try again. */
  #showProblem(message, button = true) {
    this.#show("problem");
    const box = document.getElementById("problem");
    box.querySelector("p").textContent = message;
    box.querySelector("button").hidden = !button;
    this.#setVerdict("No prediction", "");
  }

  #show(what) {
    document.getElementById("reading").removeAttribute("aria-busy");
    document.getElementById("answer").hidden = what !== "answer";
    document.getElementById("problem").hidden = what !== "problem";
    if (what === "answer") return;
    this.#words.clear();
    this.#onExplanation("", null);
  }

  #setVerdict(label, reason, kind = "") {
    setText("verdict-label", label);
    setText("verdict-reason", reason);
    document.getElementById("verdict").dataset.kind = kind;
  }

  /** @returns {boolean} Whether the text is too long. */
  #updateHint() {
    const hint = document.getElementById("hint");
    const length = Array.from(this.#field.value).length;
    const excess = length - this.#limit;
    hint.classList.toggle("wrong", excess > 0);
    hint.textContent =
      excess > 0
        ? `${count(length, "character")}, ${excess.toLocaleString("en")} over the limit of ${this.#limit.toLocaleString("en")}`
        : length
          ? count(length, "character")
          : "Predictions update as you type.";
    return excess > 0;
  }

  #command(write) {
    return write(this.#service.predictAddress, this.#text, this.#service.hasKey);
  }

  #showCommands() {
    if (!document.getElementById("commands").open) return;
    setText("curl", this.#command(curlCommand));
    setText("httpx", this.#command(httpxProgram));
  }
}

/** Leaves unchanged text alone: screen readers announce every write, and selections are lost. */
function setText(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
}

async function copy(name, command) {
  const status = document.getElementById("copied");
  status.textContent = "";
  try {
    await navigator.clipboard.writeText(command);
    status.textContent = command.includes("SENTIMENT_KEY") ? "Copied. Set SENTIMENT_KEY to your key before you run it." : "Copied.";
  } catch {
    // Browsers only allow it on localhost and over HTTPS.
    document.getElementById("commands").open = true;
    const shown = document.getElementById(name);
    setText(name, command);
    getSelection().selectAllChildren(shown);
    shown.focus();
    status.textContent = "The browser does not allow copying here. The command is selected below: press Ctrl+C.";
  }
}
