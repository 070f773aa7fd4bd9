// How much each word of a review pulls the prediction toward positive or negative.
//
// Terms overlap: "not good" covers "not" and "good", which may be terms themselves. So the log-odds of a term are divided
// evenly among its occurrences, and those of an occurrence among its words. The pull of a word is the sum of its shares;
// nothing counts twice. app/terminal/pulls.py has the same rule.

/** Above this probability float32 has hardly any digits left, so log-odds are coarse. Near 0 it has all of them. */
export const TOO_CERTAIN = 1 - 1e-6;

// What is left of a longer term between the words that have terms of their own is split at tags and other gaps.
const GAP = /((?:<[^<>]*>|[^\p{L}\p{M}\p{N}'’])+)/u;
const LETTER = /[\p{L}\p{N}]/u;

/**
 * Split a review into words and the text between them.
 *
 * @param {string} text
 * @param {{terms: Array, unknown_words: Array}} explanation Its offsets are in Unicode code points.
 * @returns {Array<{text: string, unknown: boolean, pull: number, terms: Array}>}
 *   The whole text, in order. `pull` is in log-odds; `terms` are those that cover the word, strongest first.
 */
export function piecesOf(text, { terms, unknown_words: unknown }) {
  const characters = Array.from(text);
  const spans = [...terms.flatMap((term) => term.occurrences), ...unknown];
  const starts = new Set(spans.map(({ start }) => start));
  const cuts = new Set([0, characters.length, ...spans.flatMap(({ start, end }) => [start, end])]);
  const pieces = [];
  const firsts = new Map(); // offset → index of the piece that starts there
  [...cuts].sort((a, b) => a - b).forEach((cut, i, sorted) => {
    firsts.set(cut, pieces.length);
    const segment = characters.slice(cut, sorted[i + 1]).join("");
    const isSign = starts.has(cut) && !LETTER.test(segment); // an emoji, for example
    const parts = isSign ? [segment] : segment.split(GAP); // word, gap, word, …
    parts.forEach((part, j) => part && pieces.push({ text: part, isWord: j % 2 === 0, unknown: false, pull: 0, terms: [] }));
  });
  const wordsIn = ({ start, end }) => pieces.slice(firsts.get(start), firsts.get(end)).filter((piece) => piece.isWord);

  for (const piece of unknown.flatMap(wordsIn)) piece.unknown = true;
  for (const term of terms)
    for (const words of term.occurrences.map(wordsIn))
      for (const word of words) {
        word.pull += term.log_odds / term.occurrences.length / words.length;
        if (word.terms.at(-1) !== term) word.terms.push(term);
      }
  return pieces;
}
