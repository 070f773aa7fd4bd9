// One review: written on the left, what the model makes of it on the right, while it is being written.

import { httpxProgram, curlCommand } from "./commands.js";
import { Latest, pause } from "./latest.js";
import { TOO_CERTAIN } from "./pull.js";
import { Terms } from "./terms.js";
import { count, percent, verdictOf } from "./verdict.js";
import { Words } from "./words.js";

const CALM = 250; // milliseconds without a key press before the service is asked
const ATTEMPTS = 3;

export class Review {
  #service;
  #latest = new Latest();
  #timer;
  #words = new Words(document.getElementById("words"), document.getElementById("numbers"));
  #terms = new Terms();
  #field = document.getElementById("review");
  #limit = Infinity; // characters; known once the service has said it
  #kept = ""; // signs that are words to the bundle; the same

  /** @param {import("./service.js").Service} service */
  constructor(service) {
    this.#service = service;
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#latest.drop(); // an answer to what has changed meanwhile would only flicker
      this.#hint();
      this.#timer = setTimeout(() => this.ask(), CALM);
    });
    document.getElementById("clear").addEventListener("click", () => {
      this.show("");
      this.#field.focus();
    });
    document.getElementById("again").addEventListener("click", () => this.ask());
    window.addEventListener("online", () => this.ask());
    for (const [name, command] of [
      ["curl", curlCommand],
      ["httpx", httpxProgram],
    ])
      document.getElementById(`copy-${name}`).addEventListener("click", () => copy(name, this.#command(command)));
    document.getElementById("commands").addEventListener("toggle", () => this.#showCommands());
    this.#hint();
    this.ask(); // browsers keep what was written when a page is loaded anew
  }

  /** @param {string} text Takes the place of what is written. */
  show(text) {
    this.#field.value = text;
    clearTimeout(this.#timer);
    this.#hint();
    this.ask();
  }

  /** Ask about what is written now. */
  ask() {
    const text = this.#text;
    if (!text.trim()) {
      this.#latest.drop();
      this.#show("nothing");
      this.#say("Nothing yet", "Write some words, and the answer appears here.");
      return;
    }
    document.getElementById("reading").setAttribute("aria-busy", "true");
    this.#latest.ask(
      async (signal) => {
        const { limits, encoding } = await this.#service.model();
        this.#limit = limits.max_characters;
        this.#kept = encoding.kept_punctuation;
        signal.throwIfAborted();
        return this.#hint() ? null : this.#explanation(text, signal);
      },
      (explanation) => {
        if (explanation) this.#answer(text, explanation);
        else this.#tooLong();
      },
      (problem) => this.#problem(problem.message),
    );
  }

  /** Without half characters, which no JSON can hold: a replacement sign takes their place. */
  get #text() {
    return this.#field.value.toWellFormed();
  }

  async #explanation(text, signal) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#service.explain(text, signal);
      } catch (problem) {
        if (!problem.passing || signal.aborted) throw problem;
        if (attempt === ATTEMPTS) {
          if (problem.status !== 503 && problem.status !== 504) throw problem;
          // Weighing each word of a long review costs much; one probability may be had all the same.
          const [prediction] = await this.#service.predict([text], signal);
          return { ...prediction, missing: problem.message };
        }
        this.#problem(`${problem.message} Trying again in ${count(problem.seconds, "second")} …`, false);
        await pause(problem.seconds * 1000, signal);
      }
    }
  }

  #answer(text, explanation) {
    const { kind, label, reason } = verdictOf(explanation);
    const probability = explanation.positive_probability;
    this.#show("answer");
    this.#say(label, explanation.missing ? `${reason} Its words could not be weighed: ${explanation.missing}` : reason, kind);
    document.getElementById("explained").hidden = !explanation.terms;
    document.getElementById("certain").hidden = probability <= TOO_CERTAIN;
    if (explanation.terms) {
      this.#words.show(text, explanation, this.#kept);
      this.#terms.show(explanation);
    }
    const bar = document.getElementById("bar");
    bar.dataset.kind = kind;
    bar.style.setProperty("--probability", probability);
    bar.setAttribute("aria-valuenow", (probability * 100).toFixed(1));
    bar.setAttribute("aria-valuetext", `${percent(probability)} positive`);
    bar.title = `Probability of being positive: ${probability.toFixed(4)}`;
    document.getElementById("copied").textContent = "";
    this.#showCommands();
  }

  #tooLong() {
    this.#show("nothing");
    this.#say("Too long", `A review may have ${count(this.#limit, "character")}. Shorten it, or split it.`);
  }

  /** @param {boolean} again Whether the person has to ask again. */
  #problem(message, again = true) {
    this.#show("problem");
    const box = document.getElementById("problem");
    box.querySelector("p").textContent = message;
    box.querySelector("button").hidden = !again;
    this.#say("No answer", "");
  }

  #show(what) {
    document.getElementById("reading").removeAttribute("aria-busy");
    document.getElementById("answer").hidden = what !== "answer";
    document.getElementById("problem").hidden = what !== "problem";
    if (what !== "answer") this.#words.forget();
  }

  #say(label, reason, kind = "") {
    put("verdict-label", label);
    put("verdict-reason", reason);
    document.getElementById("verdict").dataset.kind = kind;
  }

  /** @returns {boolean} Whether the text is too long. */
  #hint() {
    const hint = document.getElementById("hint");
    const length = Array.from(this.#field.value).length;
    const excess = length - this.#limit;
    hint.classList.toggle("wrong", excess > 0);
    hint.textContent =
      excess > 0
        ? `${count(length, "character")}, ${excess.toLocaleString("en")} too many: a review may have ${this.#limit.toLocaleString("en")}.`
        : length
          ? count(length, "character")
          : "Answers come while you write.";
    return excess > 0;
  }

  #command(write) {
    return write(this.#service.predictAddress, this.#text, this.#service.hasKey);
  }

  #showCommands() {
    if (!document.getElementById("commands").open) return;
    put("curl", this.#command(curlCommand));
    put("httpx", this.#command(httpxProgram));
  }
}

/** Only what changed is written: screen readers read out what is, and selections are lost. */
function put(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
}

async function copy(name, command) {
  const said = document.getElementById("copied");
  said.textContent = "";
  try {
    await navigator.clipboard.writeText(command);
    said.textContent = command.includes("SENTIMENT_KEY") ? "Copied. Set SENTIMENT_KEY to your key first." : "Copied.";
  } catch {
    // Browsers allow it on localhost and over HTTPS alone.
    document.getElementById("commands").open = true;
    const shown = document.getElementById(name);
    put(name, command);
    getSelection().selectAllChildren(shown);
    shown.focus();
    said.textContent = "The browser does not allow copying here. It is selected below: press Ctrl+C.";
  }
}
