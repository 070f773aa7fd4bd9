// A review with its words coloured by their pull, and the numbers of the word at hand.

import { piecesOf } from "./pull.js";
import { percent, signed } from "./verdict.js";

const FAINTEST = 0.02; // log-odds; less is not worth a colour
const FULL = 0.8; // log-odds that get the full colour, unless a word of the review has more
const MOST = 6; // terms to tell of a word
const GRACE = 150; // milliseconds to get from a word to its numbers

export class Words {
  #text;
  #numbers;
  #pieces = new Map(); // element → its piece
  #timer;

  /**
   * @param {HTMLElement} text Gets the words.
   * @param {HTMLElement} numbers Gets the numbers, and is moved to the word.
   */
  constructor(text, numbers) {
    this.#text = text;
    this.#numbers = numbers;
    text.addEventListener("pointerover", (event) => this.#over(event.target));
    text.addEventListener("focusin", (event) => this.#over(event.target));
    text.addEventListener("click", (event) => this.#at(event.target) && this.#focus(event.target));
    text.addEventListener("focusout", () => this.#hide());
    text.addEventListener("keydown", (event) => this.#key(event));
    for (const element of [text, numbers]) {
      element.addEventListener("pointerleave", () => (this.#timer = setTimeout(() => this.#hide(), GRACE)));
      element.addEventListener("pointerenter", () => clearTimeout(this.#timer));
    }
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#hide());
    window.addEventListener("resize", () => this.#hide());
  }

  /**
   * @param {string} review
   * @param {object} explanation As the service answers.
   * @param {string} kept The bundle's `kept_punctuation`.
   */
  show(review, explanation, kept) {
    this.forget();
    const pieces = piecesOf(review, explanation, kept);
    const full = pieces.reduce((most, piece) => Math.max(most, Math.abs(piece.pull)), FULL);
    const nodes = pieces.map((piece) => {
      if (!piece.terms.length && !piece.unknown) return piece.text;
      const mark = document.createElement("mark");
      mark.textContent = piece.text;
      mark.className = classesOf(piece, full);
      if (!this.#pieces.size) mark.tabIndex = 0; // one stop for the Tab key, whatever the length
      this.#pieces.set(mark, piece);
      return mark;
    });
    this.#text.replaceChildren(...nodes);
    this.#text.dir = "auto"; // only now: Chromium would look for the direction anew with every word
  }

  /** Show nothing. */
  forget() {
    this.#hide();
    this.#pieces.clear();
    this.#text.dir = "ltr";
    this.#text.replaceChildren();
  }

  #at(target) {
    return this.#pieces.has(target) ? target : null;
  }

  #over(target) {
    const word = this.#at(target);
    if (word) this.#tell(word);
  }

  #tell(word) {
    clearTimeout(this.#timer);
    this.#hide();
    this.#numbers.replaceChildren(...this.#lines(this.#pieces.get(word)).map(line));
    this.#numbers.hidden = false;
    word.setAttribute("aria-describedby", this.#numbers.id);
    const at = word.getClientRects()[0];
    const width = this.#numbers.offsetWidth;
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8));
    this.#numbers.style.left = `${left + scrollX}px`;
    this.#numbers.style.top = `${at.bottom + scrollY}px`;
  }

  #hide() {
    clearTimeout(this.#timer);
    this.#numbers.hidden = true;
    this.#text.querySelector("[aria-describedby]")?.removeAttribute("aria-describedby");
  }

  #lines(piece) {
    if (!piece.terms.length) return ["The model has no term for this word here."];
    const told = piece.terms.slice(0, MOST);
    const lines = told.map(
      ({ term, log_odds: pull, probability }) => `“${term}”: ${signed(pull)} log-odds, ${signed(probability * 100, 1)} points`,
    );
    if (piece.terms.length > MOST) lines.push(`and ${piece.terms.length - MOST} weaker ones`);
    const [first] = piece.terms;
    if (piece.terms.length === 1) lines.push(`Without it: ${percent(first.positive_probability_without)} positive`);
    // Of a term that is this word alone, once, the share is the whole.
    if (piece.terms.length > 1 || Math.abs(piece.pull - first.log_odds) > 0.005)
      lines.unshift(`This word's share: ${signed(piece.pull)} log-odds`);
    return lines;
  }

  #key(event) {
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

/** Ten strengths, as classes: to style ten thousand words one by one takes seconds. */
function classesOf(piece, full) {
  if (!piece.terms.length) return "word unknown";
  const size = Math.abs(piece.pull);
  if (size < FAINTEST) return "word neutral";
  // The square root tells weak pulls from none; the eye is no judge of areas.
  const strength = Math.ceil(Math.sqrt(size / full) * 10);
  return `word ${piece.pull > 0 ? "positive" : "negative"} ${size > full / 10 ? "strong " : ""}s${strength}`;
}

function line(text) {
  return Object.assign(document.createElement("p"), { textContent: text });
}
