// The review as it was written, with each sentence tinted by its own verdict. The chosen one also shows its words.

import { byId, element } from "./dom.js";
import { showEffects, withoutOf } from "./effects.js";
import { partsOf } from "./pull.js";
import { count, isReadable, kindOf, shareOf, tally, verdictOf } from "./verdict.js";

const LONG = 10; // sentences; a longer review starts with its strongest ones
const STRONGEST = 3; // of each sentiment
const HOVER = 150; // milliseconds until the sentence under the pointer is chosen
const MIN_COLOURED = 0.02; // log-odds; words with less stay uncoloured
const FULL_COLOUR = 0.8; // log-odds of the strongest colour, unless a word of the review has more

export class Sentences {
  #list = byId("text");
  #parts = []; // of the whole review
  #sentences = new Map(); // element → its sentence, with its parts
  #full = FULL_COLOUR;
  #timer;

  constructor() {
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
    this.#parts = partsOf(text, explanation);
    this.#full = this.#parts.reduce((most, { pull }) => Math.max(most, Math.abs(pull)), FULL_COLOUR);
    const waiting = explanation.sentences.map((one) => ({ ...one, verdict: verdictOf(one, rule), share: shareOf(one, rule), parts: [] }));
    const nodes = [];
    for (const part of this.#parts) {
      while (waiting[0]?.end <= part.start) nodes.push(this.#optionOf(waiting.shift()));
      if (waiting[0]?.start <= part.start) waiting[0].parts.push(part);
      else nodes.push(part.text);
    }
    this.#list.replaceChildren(...nodes, ...waiting.map((sentence) => this.#optionOf(sentence)));
    const verdicts = [...this.#sentences.values()].map(({ verdict }) => verdict);
    byId("sentences-title").textContent = count(verdicts.length, "sentence") + (verdicts.length > 1 ? `: ${tally(verdicts)}` : "");
    byId("effects").hidden = !isReadable(explanation, rule);
    const isLong = verdicts.length > LONG && verdicts.some((verdict) => verdict !== "Cannot tell");
    byId("abridge").hidden = !isLong;
    this.#abridge(isLong);
  }

  clear() {
    clearTimeout(this.#timer);
    this.#sentences.clear();
    this.#list.replaceChildren();
  }

  get #visible() {
    return [...this.#sentences.keys()].filter((option) => !option.hidden);
  }

  #optionOf(sentence) {
    const option = element("span", "", { className: "sentence", role: "option" });
    option.append(...sentence.parts.map((part) => this.#nodeOf(part)));
    option.dataset.verdict = kindOf(sentence.verdict);
    option.ariaLabel = `${sentence.verdict}${sentence.share && `, ${sentence.share}`}: ${option.textContent}`;
    this.#sentences.set(option, sentence);
    return option;
  }

  #nodeOf(part) {
    if (part.unknown) return element("mark", part.text, { className: "unknown", title: "The model does not know this word." });
    const size = Math.abs(part.pull);
    if (size < MIN_COLOURED) return part.text;
    const strength = Math.ceil(Math.sqrt(size / this.#full) * 10); // the square root keeps weak pulls visible
    const className = `${part.pull > 0 ? "positive" : "negative"} s${strength}`; // styling each word alone takes seconds
    return element("mark", part.text, { className, title: withoutOf(part) });
  }

  /** Show the sentences that decide a long review, some of each sentiment, or all. */
  #abridge(abridged) {
    const sorted = [...this.#sentences].sort(([, one], [, other]) => one.positive_probability - other.positive_probability);
    const [against, by] = ["negative", "positive"].map((side) => sorted.filter(([{ dataset }]) => dataset.verdict.endsWith(side)));
    const strongest = new Set([...against.slice(0, STRONGEST), ...by.slice(-STRONGEST)].map(([option]) => option));
    for (const option of this.#sentences.keys()) option.hidden = abridged && !strongest.has(option);
    byId("abridge").textContent = abridged ? "Show the whole review" : "Show only the strongest sentences";
    this.#choose(this.#sentences.size === 1 ? this.#visible[0] : null);
  }

  /** @param {HTMLElement|null} chosen The sentence whose words are shown; null for the whole review. */
  #choose(chosen) {
    const stop = chosen ?? this.#visible[0]; // of the Tab key, a single one for all
    for (const option of this.#sentences.keys()) {
      option.ariaSelected = String(option === chosen);
      option.tabIndex = option === stop ? 0 : -1;
    }
    const sentence = this.#sentences.get(chosen);
    byId("effects-title").textContent = `Words in ${sentence ? `this sentence (${sentence.share || "cannot tell"})` : "the whole review"}`;
    byId("whole").hidden = !sentence || this.#sentences.size === 1;
    showEffects(sentence?.parts ?? this.#parts, this.#full);
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
