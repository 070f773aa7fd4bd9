// How much each word of a review pulls the prediction toward positive or negative.
//
// Terms overlap: "not good" covers "not" and "good", which may be terms themselves. So the log-odds of a term are divided
// evenly among its occurrences, and those of an occurrence among its words. The pull of a word is the sum of its shares;
// nothing counts twice. Words are the model's tokens. app/terminal/pulls.py has the same rule.

// The separators of tokens in app/inference/text.py. An apostrophe is not one.
const SEPARATORS =
  '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~' +
  "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033" + // quotation marks
  "\u2010\u2011\u2012\u2013\u2014\u2015\u2212" + // hyphens, dashes, minus
  "\u2026\u2022\u00b7" + // ellipsis, bullets
  "\x93\x94\x96\x97\x85\x95"; // the same characters in Windows-1252, decoded as Latin-1
// An HTML tag, as in app/inference/text.py.
const ELEMENTS =
  "a|b|big|blockquote|br|center|code|dd|div|dl|dt|em|font|h[1-6]|hr|i|img|li|ol|p|pre|q|s|small|span|strike|strong|" +
  "sub|sup|table|td|th|tr|tt|u|ul";
const GAP = "[ \\t\\n\\r\\f\\v]";
const ATTRIBUTE = `${GAP}+[a-z][a-z0-9:_-]*${GAP}*=${GAP}*(?:"[^"<]*"|'[^'<]*'|[^ \\t\\n\\r\\f\\v"'<>]+)`;
const TAG = new RegExp(`</?(?:${ELEMENTS})(?:${ATTRIBUTE})*${GAP}*/?>`, "gi");
const SPACE = "\\p{White_Space}\\x1c-\\x1f"; // Python's whitespace: \s lacks some of it, and contains U+FEFF

/** Above this probability float32 has hardly any digits left, so log-odds are coarse. Near 0 it has all of them. */
export const TOO_CERTAIN = 1 - 1e-6;

/**
 * Split a review into words and the text between them.
 *
 * @param {string} text
 * @param {{terms: Array, unknown_words: Array}} explanation Its offsets are in Unicode code points.
 * @param {{kept_punctuation: string, markup: string}} encoding The bundle's. Kept punctuation separates, but is also a word.
 * @returns {Array<{text: string, word: boolean, unknown: boolean, pull: number, terms: Array}>}
 *   The whole text, in order. `pull` is in log-odds; `terms` are those that cover the word, strongest first.
 */
export function piecesOf(text, explanation, { kept_punctuation: keptPunctuation, markup }) {
  const { terms, unknown_words: unknown } = explanation;
  const spans = [...terms.flatMap((term) => term.occurrences), ...unknown];
  const units = unitsOf(text);
  const cuts = [...new Set([0, units.length - 1, ...spans.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);

  const pattern = patternOf(keptPunctuation);
  const split = markup === "separator" ? text.replace(TAG, (tag) => " ".repeat(tag.length)) : text; // has the same offsets
  const pieces = [];
  const starting = new Map(); // offset in code points → index of the piece that starts there
  for (let i = 0; i + 1 < cuts.length; i++) {
    starting.set(cuts[i], pieces.length);
    const start = units[cuts[i]];
    for (const { 0: part, 1: between, index } of split.slice(start, units[cuts[i + 1]]).matchAll(pattern)) {
      const shown = text.slice(start + index, start + index + part.length);
      pieces.push({ text: shown, word: !between, unknown: false, pull: 0, terms: [] });
    }
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

/** Matches text between words (its only group), single kept punctuation characters, and words. */
function patternOf(keptPunctuation) {
  const escaped = (characters) => characters.replace(/[\\\]^-]/g, "\\$&");
  const kept = escaped(keptPunctuation);
  const between = SPACE + escaped([...SEPARATORS].filter((character) => !keptPunctuation.includes(character)).join(""));
  return new RegExp(`([${between}]+)|[${kept}]|[^${between}${kept}]+`, "gu"); // [] matches nothing
}

/** Offset in code points → offset in UTF-16 code units, as JavaScript counts. */
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
