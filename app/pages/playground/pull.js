// How much each word of a review pulls the prediction toward positive or negative.
//
// Terms overlap: "not good" covers "not" and "good", which may be terms themselves. So the log-odds of a term are divided
// evenly among its occurrences, and those of an occurrence among its words. The pull of a word is the sum of its shares;
// nothing counts twice. app/commands/explain.py has the same rule.

const MIN_PHRASE = 0.15; // log-odds of phrases that count as a whole

// What is left of a longer term between the words that have terms of their own is split at tags and other gaps.
const GAP = /((?:<[^<>]*>|[^\p{L}\p{M}\p{N}'’])+)/u;
const LETTER = /[\p{L}\p{N}]/u;

/**
 * Split a review into words and the text between them.
 *
 * @param {string} text
 * @param {{terms: Array, unknown_words: Array, sentences: Array}} explanation Its offsets are in Unicode code points.
 * @returns {Array<{start: number, text: string, isWord: boolean, unknown: boolean, pull: number, terms: Array}>}
 *   The whole text, in order, also cut where sentences begin and end. `pull` is in log-odds; `terms` are those that cover
 *   the word, strongest first.
 */
export function piecesOf(text, { terms, unknown_words: unknown, sentences }) {
  const characters = Array.from(text);
  const spans = [...terms.flatMap((term) => term.occurrences), ...unknown];
  const starts = new Set(spans.map(({ start }) => start));
  const cuts = new Set([0, characters.length, ...[...spans, ...sentences].flatMap(({ start, end }) => [start, end])]);
  const pieces = [];
  const firsts = new Map(); // offset → index of the piece that starts there
  [...cuts].sort((a, b) => a - b).forEach((cut, i, sorted) => {
    firsts.set(cut, pieces.length);
    const segment = characters.slice(cut, sorted[i + 1]).join("");
    const isSign = starts.has(cut) && !LETTER.test(segment); // an emoji, for example
    const parts = isSign ? [segment] : segment.split(GAP); // word, gap, word, …
    let start = cut;
    parts.forEach((part, j) => {
      if (part) pieces.push({ start, text: part, isWord: j % 2 === 0, unknown: false, pull: 0, terms: [] });
      start += Array.from(part).length;
    });
  });
  const wordsIn = ({ start, end }) => pieces.slice(firsts.get(start), firsts.get(end)).filter((piece) => piece.isWord);

  for (const piece of unknown.flatMap(wordsIn)) piece.unknown = true;
  for (const term of terms)
    for (const words of term.occurrences.map(wordsIn))
      for (const word of words) {
        word.pull += shareOf(term) / words.length;
        if (word.terms.at(-1) !== term) word.terms.push(term);
      }
  return pieces;
}

/**
 * The same as `piecesOf`, with all words of a phrase in one piece if it counts as a whole, so that "bad" is not negative
 * on its own in "not a bad film". Such phrases neither overlap nor reach into another sentence; the strongest come first.
 */
export function partsOf(text, explanation) {
  const pieces = piecesOf(text, explanation);
  const indexes = new Map(pieces.map(({ start }, index) => [start, index]));
  const beginnings = new Set(explanation.sentences.map(({ start }) => start));
  const taken = new Set();
  const ends = new Map(); // index of the first piece of a phrase → index after its last one
  const phrases = explanation.terms.flatMap((term) => term.occurrences.map((span) => ({ term, span })));
  phrases.sort((one, other) => Math.abs(shareOf(other.term)) - Math.abs(shareOf(one.term)));
  for (const { term, span } of phrases) {
    const [first, end] = [indexes.get(span.start), indexes.get(span.end) ?? pieces.length];
    const inside = pieces.slice(first, end);
    const isFree = !inside.some((piece, i) => taken.has(piece) || (i > 0 && beginnings.has(piece.start)));
    if (!isFree || !isWhole(term, span, inside)) continue;
    ends.set(first, end);
    inside.forEach((piece) => taken.add(piece));
  }
  return pieces.flatMap((piece, i) => (ends.has(i) ? joined(pieces.slice(i, ends.get(i))) : taken.has(piece) ? [] : piece));
}

/** Whether a phrase is stronger than each term in it, or turns one around. */
function isWhole(term, { start, end }, pieces) {
  const size = Math.abs(shareOf(term));
  if (size < MIN_PHRASE || pieces.length < 2) return false;
  const isInside = (span) => span.start >= start && span.end <= end && span.end - span.start < end - start;
  const inner = new Set(pieces.flatMap((piece) => piece.terms.filter(({ occurrences }) => occurrences.some(isInside))));
  const shares = [...inner].map((other) => shareOf(other) * Math.sign(term.log_odds)); // negative: against the phrase
  return shares.every((share) => Math.abs(share) < size) || shares.some((share) => share <= -MIN_PHRASE && share > -2 * size);
}

function joined(pieces) {
  const text = pieces.map((piece) => piece.text).join("");
  const pull = pieces.reduce((sum, piece) => sum + piece.pull, 0);
  const terms = [...new Set(pieces.flatMap((piece) => piece.terms))];
  return { ...pieces[0], text, pull, terms };
}

/** The log-odds of each occurrence of a term. */
function shareOf(term) {
  return term.log_odds / term.occurrences.length;
}
