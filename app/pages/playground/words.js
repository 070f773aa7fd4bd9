// A review with its words coloured by their pull, and a tooltip with the numbers of a word.

import { byId, element } from "./dom.js";
import { piecesOf } from "./pull.js";
import { percent, points, signed, times } from "./verdict.js";

const MIN_COLOURED = 0.02; // log-odds; words with less stay uncoloured
const FULL_COLOUR = 0.8; // log-odds of the strongest colour, unless a word of the review has more
const MAX_TERMS = 6; // in the tooltip
const HIDE_DELAY = 150; // milliseconds; time to move the pointer from a word to its tooltip

export class Words {
  #text;
  #tooltip = byId("numbers");
  #pieces = new Map(); // element → its piece
  #ignoresUnknown = true;
  #timer;

  /** @param {HTMLElement} text Where the words go. */
  constructor(text) {
    this.#text = text;
    text.addEventListener("pointerover", (event) => this.#showNumbers(event.target));
    text.addEventListener("focusin", (event) => this.#showNumbers(event.target));
    text.addEventListener("click", (event) => this.#pieces.has(event.target) && this.#focus(event.target));
    text.addEventListener("focusout", () => this.#hide());
    text.addEventListener("keydown", (event) => this.#moveFocus(event));
    for (const area of [text, this.#tooltip]) {
      area.addEventListener("pointerleave", () => (this.#timer = setTimeout(() => this.#hide(), HIDE_DELAY)));
      area.addEventListener("pointerenter", () => clearTimeout(this.#timer));
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
    this.#ignoresUnknown = encoding.unknown_column === null;
    const pieces = piecesOf(review, explanation);
    const full = pieces.reduce((strongest, piece) => Math.max(strongest, Math.abs(piece.pull)), FULL_COLOUR);
    const nodes = pieces.map((piece) => {
      if (!piece.terms.length && !piece.unknown) return piece.text;
      const mark = element("mark", piece.text, { className: classesOf(piece, full) });
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
    this.#hide();
    this.#tooltip.replaceChildren(...this.#linesFor(this.#pieces.get(word)));
    this.#tooltip.hidden = false;
    word.setAttribute("aria-describedby", this.#tooltip.id);
    const box = word.getClientRects()[0];
    const rightmost = document.documentElement.clientWidth - this.#tooltip.offsetWidth - 8;
    this.#tooltip.style.left = `${Math.max(8, Math.min(box.left, rightmost)) + scrollX}px`;
    this.#tooltip.style.top = `${box.bottom + scrollY}px`;
  }

  #hide() {
    clearTimeout(this.#timer);
    this.#tooltip.hidden = true;
    this.#text.querySelector("[aria-describedby]")?.removeAttribute("aria-describedby");
  }

  #linesFor({ terms, pull }) {
    if (!terms.length) {
      const use = this.#ignoresUnknown ? "and ignores it." : "and only notices that some word is unknown.";
      return [element("p", `The model does not know this word ${use}`)];
    }
    const lines = terms.slice(0, MAX_TERMS).map(lineFor);
    if (terms.length > MAX_TERMS) lines.push(element("p", `and ${terms.length - MAX_TERMS} weaker terms`));
    lines.push(element("p", `Share of this word: ${signed(pull)} log-odds`, { className: "log-odds" }));
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

function lineFor(term) {
  const without = `${percent(term.positive_probability_without)} positive without it`;
  const line = element("p", `“${term.terms.join("”, “")}”${times(term)}: ${points(term.probability)} points, ${without}`);
  line.append(element("span", `, ${signed(term.log_odds)} log-odds`, { className: "log-odds" }));
  return line;
}
