// The review as it was written, with each sentence tinted by its own verdict. The chosen one also shows its words, which
// explain that verdict, not the review's: the sentence alone is sent to the service.

import { byId, element, setText } from "./dom.js";
import { nameOf, showEffects } from "./effects.js";
import { Latest } from "./latest.js";
import { partsOf, piecesOf } from "./pull.js";
import { count, kindOf, read, signed, tally } from "./verdict.js";

const LONG = 10; // sentences; a longer review starts with its strongest ones
const STRONGEST = 3; // of each sentiment
const HOVER = 150; // milliseconds until the sentence under the pointer is chosen
const MIN_COLOURED = 0.02; // log-odds; words with less stay uncoloured
const FULL_COLOUR = 0.8; // log-odds of the strongest colour, unless a term of the review has more

export class Sentences {
  #service;
  #latest = new Latest();
  #list = byId("text");
  #rest = element("span"); // of the text, after the last sentence
  #whole = null; // the explanation of the whole review
  #explanations = new Map(); // text → its explanation, of the review and of the sentences that were chosen
  #sentences = new Map(); // element → its sentence
  #full = FULL_COLOUR;
  #timer;

  constructor(service) {
    this.#service = service;
    this.#list.addEventListener("pointerover", ({ target, pointerType }) => {
      clearTimeout(this.#timer);
      // Once a sentence was clicked, it stays chosen while the pointer moves on.
      if (pointerType !== "mouse" || this.#list.contains(document.activeElement)) return;
      const option = target.closest("[role=option]");
      if (option) this.#timer = setTimeout(() => this.#choose(option), HOVER);
    });
    this.#list.addEventListener("pointerleave", () => clearTimeout(this.#timer));
    this.#list.addEventListener("focusin", ({ target }) => this.#choose(target));
    this.#list.addEventListener("keydown", (event) => this.#move(event));
    byId("whole").addEventListener("click", () => this.#choose(null));
    byId("abridge").addEventListener("click", () => this.#abridge(!this.#list.querySelector("[hidden]")));
  }

  /** @param {object} explanation Of the text, from the service. @param {object} rule The bundle's, for verdicts. */
  show(text, explanation, rule) {
    this.clear();
    this.#whole = explanation;
    this.#explanations = new Map([[text.trimEnd(), explanation]]); // it may be a single sentence
    this.#full = Math.max(Math.abs(explanation.terms[0]?.log_odds ?? 0), FULL_COLOUR);
    const waiting = explanation.sentences.map((one) => ({ ...one, ...read(one, rule), pieces: [] }));
    const nodes = [];
    const rest = [];
    for (const piece of piecesOf(text, { ...explanation, terms: [] })) {
      while (waiting[0]?.end <= piece.start) nodes.push(this.#optionOf(waiting.shift()));
      if (waiting[0]?.start <= piece.start) waiting[0].pieces.push(piece);
      else (waiting.length ? nodes : rest).push(piece.text);
    }
    this.#rest.textContent = rest.join("");
    this.#list.replaceChildren(...nodes, ...waiting.map((sentence) => this.#optionOf(sentence)), this.#rest);
    const verdicts = [...this.#sentences.values()].map(({ verdict }) => verdict);
    const end = explanation.sentences.at(-1)?.end; // the service lists the first hundred or more
    const words = [...explanation.terms.flatMap(({ occurrences }) => occurrences), ...explanation.unknown_words];
    const all = `${words.some(({ start }) => start >= end) ? "The first " : ""}${count(verdicts.length, "sentence")}`;
    byId("sentences-title").textContent = all + (verdicts.length > 1 ? `: ${tally(verdicts)}` : "");
    byId("effects").hidden = !read(explanation, rule).isReadable;
    const isLong = verdicts.length > LONG && verdicts.some((verdict) => verdict !== "Cannot tell");
    byId("abridge").hidden = !isLong;
    this.#abridge(isLong);
  }

  clear() {
    clearTimeout(this.#timer);
    this.#latest.cancel();
    this.#sentences.clear();
    this.#list.replaceChildren();
  }

  get #visible() {
    return [...this.#sentences.keys()].filter((option) => !option.hidden);
  }

  #optionOf(sentence) {
    const option = element("span", "", { className: "sentence", role: "option" });
    option.append(...sentence.pieces.map((piece) => this.#nodeOf(piece)));
    option.dataset.verdict = kindOf(sentence.verdict);
    option.ariaLabel = `${sentence.verdict}, ${sentence.share}: ${option.textContent}`;
    this.#sentences.set(option, sentence);
    return option;
  }

  #nodeOf(part) {
    if (part.unknown) return element("mark", part.text, { className: "unknown", title: "The model does not know this word." });
    const size = Math.abs(part.pull);
    if (size < MIN_COLOURED) return part.text;
    const strength = Math.ceil(Math.sqrt(Math.min(size / this.#full, 1)) * 10); // the square root keeps weak pulls visible
    const className = `${part.pull > 0 ? "positive" : "negative"} s${strength}`; // styling each word alone takes seconds
    const title = part.terms.map(({ terms, log_odds }) => `${nameOf(terms)} ${signed(log_odds)}`).join("; ");
    return element("mark", part.text, { className, title });
  }

  /** Show the sentences that decide a long review, some of each sentiment, or all. */
  #abridge(abridged) {
    const sorted = [...this.#sentences].sort(([, one], [, other]) => one.positive_probability - other.positive_probability);
    const [against, by] = ["negative", "positive"].map((side) => sorted.filter(([{ dataset }]) => dataset.verdict.endsWith(side)));
    const strongest = new Set([...against.slice(0, STRONGEST), ...by.slice(-STRONGEST)].map(([option]) => option));
    for (const option of this.#sentences.keys()) option.hidden = abridged && !strongest.has(option);
    this.#rest.hidden = abridged;
    byId("abridge").textContent = abridged ? `Show all ${this.#sentences.size} sentences` : "Show only the strongest sentences";
    this.#choose(this.#sentences.size === 1 ? this.#visible[0] : null);
  }

  /** @param {HTMLElement|null} chosen The sentence whose words are shown; null for the whole review. */
  #choose(chosen) {
    const stop = chosen ?? this.#visible[0]; // of the Tab key, a single one for all
    for (const option of this.#sentences.keys()) {
      option.ariaSelected = String(option === chosen);
      option.tabIndex = option === stop ? 0 : -1;
    }
    this.#latest.start(
      (signal) => this.#explanationOf(chosen, signal),
      (explanation) => this.#showWords(chosen, explanation),
      (problem) => this.#showWords(chosen, null, `These words cannot be explained now: ${problem.message}`),
    );
  }

  async #explanationOf(option, signal) {
    if (!option) return this.#whole;
    const text = option.textContent;
    if (!this.#explanations.has(text)) {
      const explanation = await this.#service.explain(text, signal, this.#whole.version);
      this.#explanations.set(text, explanation);
    }
    return this.#explanations.get(text);
  }

  #showWords(chosen, explanation, missing = "") {
    const sentence = this.#sentences.get(chosen);
    byId("effects-title").textContent = `Words in ${sentence ? `this sentence (${sentence.share})` : "the whole review"}`;
    byId("whole").hidden = !sentence || this.#sentences.size === 1;
    byId("sentences-keys").hidden = Boolean(sentence);
    setText("effects-missing", missing);
    showEffects(explanation?.terms ?? [], this.#full);
    if (sentence && explanation) chosen.replaceChildren(...partsOf(chosen.textContent, explanation).map((part) => this.#nodeOf(part)));
  }

  #move(event) {
    const options = this.#visible;
    const now = options.indexOf(document.activeElement);
    const next = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: options.length - 1 }[event.key];
    if (event.key === "Escape") this.#choose(null);
    if (next === undefined) return;
    event.preventDefault();
    options[next]?.focus();
  }
}
