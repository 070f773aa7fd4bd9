// A review with its words coloured by their pull, and a tooltip with the numbers of a word.

import { piecesOf } from "./pull.js";
import { percent, signed } from "./verdict.js";

const MIN_COLOURED = 0.02; // log-odds; words with less stay uncoloured
const FULL_COLOUR = 0.8; // log-odds of the strongest colour, unless a word of the review has more
const MAX_TERMS = 6; // in the tooltip
const HIDE_DELAY = 150; // milliseconds; time to move the pointer from a word to its tooltip

export class Words {
  #text;
  #numbers;
  #pieces = new Map(); // element → its piece
  #timer;

  /**
   * @param {HTMLElement} text Where the words go.
   * @param {HTMLElement} numbers The tooltip.
   */
  constructor(text, numbers) {
    this.#text = text;
    this.#numbers = numbers;
    text.addEventListener("pointerover", (event) => this.#showNumbers(event.target));
    text.addEventListener("focusin", (event) => this.#showNumbers(event.target));
    text.addEventListener("click", (event) => this.#pieces.has(event.target) && this.#focus(event.target));
    text.addEventListener("focusout", () => this.#hide());
    text.addEventListener("keydown", (event) => this.#moveFocus(event));
    for (const element of [text, numbers]) {
      element.addEventListener("pointerleave", () => (this.#timer = setTimeout(() => this.#hide(), HIDE_DELAY)));
      element.addEventListener("pointerenter", () => clearTimeout(this.#timer));
    }
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#hide());
    window.addEventListener("resize", () => this.#hide());
  }

  /**
   * @param {string} review
   * @param {object} explanation From the service.
   * @param {object} encoding The bundle's.
   */
  show(review, explanation, encoding) {
    this.clear();
    const pieces = piecesOf(review, explanation, encoding);
    const full = pieces.reduce((strongest, piece) => Math.max(strongest, Math.abs(piece.pull)), FULL_COLOUR);
    const nodes = pieces.map((piece) => {
      if (!piece.terms.length && !piece.unknown) return piece.text;
      const mark = document.createElement("mark");
      mark.textContent = piece.text;
      mark.className = classesOf(piece, full);
      if (!this.#pieces.size) mark.tabIndex = 0; // a single tab stop for the whole review
      this.#pieces.set(mark, piece);
      return mark;
    });
    this.#text.replaceChildren(...nodes);
    this.#text.dir = "auto"; // not earlier: Chromium would compute the direction again for each word
  }

  clear() {
    this.#hide();
    this.#pieces.clear();
    this.#text.dir = "ltr";
    this.#text.replaceChildren();
  }

  #showNumbers(word) {
    if (!this.#pieces.has(word)) return;
    clearTimeout(this.#timer);
    this.#hide();
    this.#numbers.replaceChildren(...this.#lines(this.#pieces.get(word)).map(line));
    this.#numbers.hidden = false;
    word.setAttribute("aria-describedby", this.#numbers.id);
    const box = word.getClientRects()[0];
    const width = this.#numbers.offsetWidth;
    const left = Math.max(8, Math.min(box.left, document.documentElement.clientWidth - width - 8));
    this.#numbers.style.left = `${left + scrollX}px`;
    this.#numbers.style.top = `${box.bottom + scrollY}px`;
  }

  #hide() {
    clearTimeout(this.#timer);
    this.#numbers.hidden = true;
    this.#text.querySelector("[aria-describedby]")?.removeAttribute("aria-describedby");
  }

  #lines(piece) {
    if (!piece.terms.length) return ["The model has no term for this word here."];
    const lines = piece.terms
      .slice(0, MAX_TERMS)
      .map(({ terms, log_odds: pull, probability }) => `“${terms.join(", ")}”: ${signed(pull)} log-odds, ${signed(probability * 100, 1)} points`);
    if (piece.terms.length > MAX_TERMS) lines.push(`and ${piece.terms.length - MAX_TERMS} weaker terms`);
    const [first] = piece.terms;
    if (piece.terms.length === 1) lines.push(`Without it: ${percent(first.positive_probability_without)} positive`);
    // Left out if the word is its only term's only occurrence: the numbers would be the same.
    if (piece.terms.length > 1 || Math.abs(piece.pull - first.log_odds) > 0.005)
      lines.unshift(`Share of this word: ${signed(piece.pull)} log-odds`);
    return lines;
  }

  #moveFocus(event) {
    const words = [...this.#pieces.keys()];
    const now = words.indexOf(document.activeElement);
    const next = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: words.length - 1 }[event.key];
    if (now < 0 || next === undefined) return;
    event.preventDefault();
    if (words[next]) this.#focus(words[next]);
  }

  #focus(word) {
    this.#text.querySelector("[tabindex]").removeAttribute("tabindex");
    word.tabIndex = 0;
    word.focus();
  }
}

/** Ten strengths as classes: styling ten thousand words individually takes seconds. */
function classesOf(piece, full) {
  if (!piece.terms.length) return "word unknown";
  const size = Math.abs(piece.pull);
  if (size < MIN_COLOURED) return "word neutral";
  const strength = Math.ceil(Math.sqrt(size / full) * 10); // the square root keeps weak pulls visible
  return `word ${piece.pull > 0 ? "positive" : "negative"} ${size > full / 10 ? "strong " : ""}s${strength}`;
}

function line(text) {
  return Object.assign(document.createElement("p"), { textContent: text });
}
