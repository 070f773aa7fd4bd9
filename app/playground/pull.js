// Which part of a review pulls where.
//
// Terms overlap: "not good" covers "not" and "good", which may be terms themselves. So each term's log-odds are shared
// out evenly among its occurrences, and of each occurrence among its words. A word's pull is the sum of its shares: the
// colours of a text add up to its terms' log-odds, and nothing is counted twice. Words are the model's tokens, so that
// app/terminal/pulls.py colours the same.

// What stands between tokens, as app/inference/text.py has it; apostrophes do not.
const SEPARATORS =
  '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~' +
  "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033" + // quotation marks
  "\u2010\u2011\u2012\u2013\u2014\u2015\u2212" + // hyphens, dashes, minus
  "\u2026\u2022\u00b7" + // ellipsis, bullets
  "\x93\x94\x96\x97\x85\x95"; // what Windows-1252 read as Latin-1 has for the same signs
const SPACE = "\\p{White_Space}\\x1c-\\x1f"; // as Python has it: \s would lack some, and hold U+FEFF

/**
 * From this probability on, what a term adds cannot be told: float32, in which the network answers, has hardly a digit
 * left so near to 1, so log-odds go in coarse steps, and end. Near to 0 it has all of them.
 */
export const TOO_CERTAIN = 1 - 1e-6;

/**
 * Take a review apart.
 *
 * @param {string} text
 * @param {{terms: Array, unknown_words: Array}} explanation Offsets in Unicode code points, as the service counts.
 * @param {string} kept The bundle's `kept_punctuation`: separators that are words of their own.
 * @returns {Array<{text: string, word: boolean, unknown: boolean, pull: number, terms: Array}>}
 *   In order, the whole text. `pull` in log-odds; `terms` are those that cover a word, the strongest first.
 */
export function piecesOf(text, explanation, kept) {
  const { terms, unknown_words: unknown } = explanation;
  const spans = [...terms.flatMap((term) => term.occurrences), ...unknown];
  const units = unitsOf(text);
  const cuts = [...new Set([0, units.length - 1, ...spans.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);

  const pattern = patternOf(kept);
  const pieces = [];
  const starting = new Map(); // code point → the piece that begins there
  for (let i = 0; i + 1 < cuts.length; i++) {
    starting.set(cuts[i], pieces.length);
    for (const [part, between] of text.slice(units[cuts[i]], units[cuts[i + 1]]).matchAll(pattern))
      pieces.push({ text: part, word: !between, unknown: false, pull: 0, terms: [] });
  }
  const end = pieces.length;
  const within = (span) =>
    pieces.slice(starting.get(span.start), starting.get(span.end) ?? end).filter((piece) => piece.word);

  for (const span of unknown) for (const piece of within(span)) piece.unknown = true;
  for (const term of terms)
    for (const span of term.occurrences) {
      const covered = within(span);
      for (const piece of covered) {
        piece.pull += term.log_odds / term.occurrences.length / covered.length;
        if (piece.terms.at(-1) !== term) piece.terms.push(term);
      }
    }
  return pieces;
}

/** Finds what is between words, as its group; kept signs, one by one; and words. */
function patternOf(kept) {
  const escaped = (signs) => signs.replace(/[\\\]^-]/g, "\\$&");
  const own = escaped(kept);
  const between = SPACE + escaped([...SEPARATORS].filter((sign) => !kept.includes(sign)).join(""));
  return new RegExp(`([${between}]+)|[${own}]|[^${between}${own}]+`, "gu"); // [] finds nothing
}

/** Code point → where it begins in a JavaScript string, whose characters beyond 65,535 take two units. */
function unitsOf(text) {
  const units = [];
  let unit = 0;
  for (const character of text) {
    units.push(unit);
    unit += character.length;
  }
  units.push(unit);
  return units;
}
