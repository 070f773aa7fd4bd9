// Which part of a review pulls where.
//
// Terms overlap: "not good" covers "not" and "good", which may be terms themselves. So each term's log-odds are shared
// out evenly among its occurrences, and of each occurrence among its words. A word's pull is the sum of its shares: the
// colours of a text add up to its terms' log-odds, and nothing is counted twice.

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
 * @returns {Array<{text: string, word: boolean, unknown: boolean, pull: number, terms: Array}>}
 *   In order, the whole text. `pull` in log-odds; `terms` are those that cover a word, the strongest first.
 */
export function piecesOf(text, explanation) {
  const { terms, unknown_words: unknown } = explanation;
  const spans = [...terms.flatMap((term) => term.occurrences), ...unknown];
  const units = unitsOf(text);
  const cuts = [...new Set([0, units.length - 1, ...spans.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);

  const pieces = [];
  const starting = new Map(); // code point → the piece that begins there
  for (let i = 0; i + 1 < cuts.length; i++) {
    starting.set(cuts[i], pieces.length);
    for (const [part] of text.slice(units[cuts[i]], units[cuts[i + 1]]).matchAll(/\s+|\S+/gu))
      pieces.push({ text: part, word: /[\p{L}\p{N}]/u.test(part), unknown: false, pull: 0, terms: [] });
  }
  const end = pieces.length;
  const within = (span) => {
    const inside = pieces.slice(starting.get(span.start), starting.get(span.end) ?? end);
    if (!inside.some((piece) => piece.word)) for (const piece of inside) piece.word = true; // "!" can be a term
    return inside.filter((piece) => piece.word);
  };

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
