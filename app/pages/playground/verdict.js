// Predictions in words. The number is always the probability of being positive.

/**
 * Between these probabilities a prediction is close to an even chance: bundles are calibrated, so in here the likelier
 * sentiment is right at most six times out of ten.
 */
export const MIDDLE = { above: 0.4, below: 0.6 };

const ORDER = ["Positive", "Probably positive", "Cannot tell", "Probably negative", "Negative", "Failed", "Not scored"];

/**
 * @param {object} prediction For a review or a sentence, from the service.
 * @param {object} rule The bundle's, from GET /model: when a prediction is uncertain.
 * @returns {string} One of the first five of `ORDER`.
 */
export function verdictOf(prediction, rule) {
  const { positive_probability: probability, sentiment, uncertain } = prediction;
  const isEven = uncertain && probability > MIDDLE.above && probability < MIDDLE.below;
  if (isEven || !isReadable(prediction, rule)) return "Cannot tell";
  return uncertain ? `Probably ${sentiment}` : sentiment[0].toUpperCase() + sentiment.slice(1);
}

/** For styles: "Probably positive" → "probably-positive". */
export function kindOf(verdict) {
  return verdict.toLowerCase().replace(" ", "-");
}

/** Whether the model knows enough of the words, by the bundle's rule. Otherwise its prediction is based on nothing. */
export function isReadable({ words, known_words: known }, { min_known_words: minimum, min_known_share: share }) {
  return known > 0 && known >= minimum && known >= words * share;
}

/** How much of a review the model knows, and why it cannot tell. */
export function reasonFor(prediction, rule) {
  const { words, known_words: known } = prediction;
  const all = count(words, "word");
  if (!isReadable(prediction, rule)) {
    const few = known ? `Only ${known.toLocaleString("en")} of ${all} ${known === 1 ? "is" : "are"} known.` : "No known words.";
    return `${few} The model reads English.`;
  }
  const isEven = verdictOf(prediction, rule) === "Cannot tell";
  const even = isEven ? `, but ${percent(prediction.positive_probability)} is close to an even chance` : "";
  return `The model knows ${known.toLocaleString("en")} of ${all}${even}.`;
}

/** "71% positive"; "" if there is no evidence for a number. */
export function shareOf(prediction, rule) {
  return isReadable(prediction, rule) ? `${percent(prediction.positive_probability)} positive` : "";
}

/** 0.984 → "98%", 0.9962 → "99.6%", 0.99 and 0.9902 → "99%"; never 0% or 100%, as no prediction is that certain. */
export function percent(probability) {
  if (probability > 0.999) return "over 99.9%";
  if (probability < 0.001) return "under 0.1%";
  const digits = probability > 0.99 || probability < 0.01 ? 1 : 0;
  return `${Number((probability * 100).toFixed(digits))}%`; // Number turns 1.0 into 1
}

/** −0.302 → "−0.30", with a minus sign, not a hyphen. */
export function signed(number) {
  const text = Math.abs(number).toFixed(2);
  return (text === "0.00" ? "" : number < 0 ? "−" : "+") + text;
}

/** 1, "word" → "1 word"; 2000, "word" → "2,000 words". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** How often each verdict occurs: "2 positive, 1 cannot tell". */
export function tally(verdicts) {
  const numbers = ORDER.map((kind) => [verdicts.filter((verdict) => verdict === kind).length, kind.toLowerCase()]);
  return numbers.flatMap(([number, kind]) => (number ? `${number.toLocaleString("en")} ${kind}` : [])).join(", ");
}
