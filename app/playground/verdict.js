// What a prediction means, in plain language.

const MIDDLE = [0.35, 0.65]; // a probability in between says little either way
// With less read, a probability means little. app/terminal/tables.py has the same rule. The bundle leaves words out on
// purpose, 44 % of a usual review, so half would be too much to ask; a fifth is what all of its 25,000 training reviews
// had (models/imdb/2/profile.json), so beyond it nobody knows how good the answers are.
const MIN_KNOWN_WORDS = 4;
const MIN_KNOWN_SHARE = 1 / 5; // of the words

/**
 * @param {{positive_probability: number, words: number, known_words: number}} prediction
 * @returns {{kind: "positive"|"negative"|"uncertain", label: string, brief: string, reason: string}}
 *   `label` and `reason` for one review, `brief` for a line of many.
 */
export function verdictOf({ positive_probability: probability, words, known_words: known }) {
  const all = count(words, "word");
  if (known === 0) return uncertain("no word read", words ? `The model could read none of ${all}.` : "There is no word in it.");
  const estimate = `The probability of being positive is ${percent(probability)}.`;
  if (known < MIN_KNOWN_WORDS) {
    const few = known < words ? `The model could read only ${known} of ${all}` : `There ${words === 1 ? "is" : "are"} only ${all}`;
    return uncertain("few words read", `${few}, which is too little to tell. ${estimate}`);
  }
  if (known < words * MIN_KNOWN_SHARE)
    return uncertain(
      "few words read",
      `The model could read fewer than a fifth of the words: ${known} of ${words}. ${estimate}`,
    );
  const read = `The model could read ${known} of ${all}.`;
  if (MIDDLE[0] <= probability && probability <= MIDDLE[1])
    return uncertain("near the middle", `The probability is near the middle: ${percent(probability)} positive. ${read}`);
  const kind = probability > 0.5 ? "positive" : "negative";
  const certainty = Math.max(probability, 1 - probability);
  const brief = `${kind === "positive" ? "Positive" : "Negative"}, ${howSure(certainty)}`;
  return { kind, label: `${brief} (${percent(certainty)})`, brief, reason: read };
}

function uncertain(why, reason) {
  return { kind: "uncertain", label: "Uncertain", brief: `Uncertain: ${why}`, reason };
}

function howSure(certainty) {
  if (certainty >= 0.95) return "quite sure";
  return certainty >= 0.8 ? "fairly sure" : "not very sure";
}

/** 0.984 → "98 %", 0.9962 → "99.6 %", 0.99 and 0.9902 → "99 %"; never 0 % or 100 %, as nothing is that sure. */
export function percent(probability) {
  if (probability > 0.999) return "over 99.9\u00a0%";
  if (probability < 0.001) return "under 0.1\u00a0%";
  const digits = probability > 0.99 || probability < 0.01 ? 1 : 0;
  return `${Number((probability * 100).toFixed(digits))}\u00a0%`; // as a number: 1, never 1.0 beside 1
}

/** −0.302 → "−0.30", with a sign that cannot be taken for a hyphen. */
export function signed(number, digits = 2) {
  const text = Math.abs(number).toFixed(digits);
  if (Number(text) === 0) return text;
  return (number < 0 ? "−" : "+") + text;
}

/** Where log-odds pull to; one that shows as 0.00 pulls nowhere. */
export function directionOf(logOdds) {
  return { "+": "positive", "−": "negative" }[signed(logOdds)[0]] ?? "neither";
}

/** 1, "word" → "1 word"; 2000, "word" → "2,000 words". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
