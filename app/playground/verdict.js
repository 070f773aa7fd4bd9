// A prediction in plain language.

const UNCERTAIN = [0.35, 0.65]; // probabilities in between are too close to call
// With fewer known words, a probability means little; app/terminal/tables.py has the same rule. The vocabulary leaves out
// many words on purpose, 44% of a typical review, so a half would be too strict. All of the bundle's 25,000 training
// reviews have at least a fifth (models/imdb/2/profile.json), so nobody knows how good predictions are below that.
const MIN_KNOWN_WORDS = 4;
const MIN_KNOWN_SHARE = 1 / 5;

/**
 * @param {{positive_probability: number, words: number, known_words: number}} prediction
 * @returns {{kind: "positive"|"negative"|"uncertain", label: string, brief: string, reason: string}}
 *   `label` and `reason` for a single review, `brief` for a table.
 */
export function verdictOf({ positive_probability: probability, words, known_words: known }) {
  const all = count(words, "word");
  const knows = `The model knows ${known} of ${all}.`;
  const estimate = `Probability of being positive: ${percent(probability)}.`;
  if (words === 0) return uncertain("no words", "The review contains no words.");
  if (known === 0) return uncertain("no known words", knows);
  if (known < MIN_KNOWN_WORDS) return uncertain("too few known words", `${knows} That is too few for a reliable prediction. ${estimate}`);
  if (known < words * MIN_KNOWN_SHARE)
    return uncertain("too few known words", `${knows} That is less than a fifth, too few for a reliable prediction. ${estimate}`);
  if (UNCERTAIN[0] <= probability && probability <= UNCERTAIN[1])
    return uncertain("too close to call", `A probability of ${percent(probability)} is too close to call. ${knows}`);
  const kind = probability > 0.5 ? "positive" : "negative";
  const certainty = Math.max(probability, 1 - probability);
  const brief = `${kind === "positive" ? "Positive" : "Negative"}, ${certaintyOf(certainty)}`;
  return { kind, label: `${brief} (${percent(certainty)})`, brief, reason: knows };
}

function uncertain(why, reason) {
  return { kind: "uncertain", label: "Uncertain", brief: `Uncertain: ${why}`, reason };
}

function certaintyOf(probability) {
  if (probability >= 0.95) return "very sure";
  return probability >= 0.8 ? "fairly sure" : "not very sure";
}

/** 0.984 → "98%", 0.9962 → "99.6%", 0.99 and 0.9902 → "99%"; never 0% or 100%, as no prediction is that certain. */
export function percent(probability) {
  if (probability > 0.999) return "over 99.9%";
  if (probability < 0.001) return "under 0.1%";
  const digits = probability > 0.99 || probability < 0.01 ? 1 : 0;
  return `${Number((probability * 100).toFixed(digits))}%`; // Number turns 1.0 into 1
}

/** −0.302 → "−0.30", with a minus sign, not a hyphen. */
export function signed(number, digits = 2) {
  const text = Math.abs(number).toFixed(digits);
  if (Number(text) === 0) return text;
  return (number < 0 ? "−" : "+") + text;
}

/** The direction of log-odds; those shown as 0.00 have none. */
export function directionOf(logOdds) {
  return { "+": "positive", "−": "negative" }[signed(logOdds)[0]] ?? "neither";
}

/** 1, "word" → "1 word"; 2000, "word" → "2,000 words". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
