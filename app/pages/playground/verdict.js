// Predictions in words. The number is always the probability of being positive.

/**
 * Between these probabilities a prediction is close to an even chance: bundles are calibrated, so in here the likelier
 * sentiment is right at most six times out of ten.
 */
const MIDDLE = { above: 0.4, below: 0.6 };

/** From the most negative one to the most positive one, as on the bar. The last two are for rows of a file. */
export const VERDICTS = ["Negative", "Probably negative", "Cannot tell", "Probably positive", "Positive", "Failed", "Not scored"];

/**
 * What a prediction for a review or a sentence means.
 *
 * @param {object} prediction From the service.
 * @param {object} rule The bundle's, from GET /model: when a prediction is uncertain.
 * @returns {{verdict: string, share: string, reason: string, isReadable: boolean}} `verdict` is one of the first five of
 *   `VERDICTS`. `isReadable`: the model knows enough of the words; otherwise its probability is based on nothing.
 */
export function read({ positive_probability: probability, sentiment, uncertain, words, known_words: known }, rule) {
  const isReadable = known >= Math.max(rule.min_known_words, 1) && known >= words * rule.min_known_share;
  const isEven = uncertain && probability > MIDDLE.above && probability < MIDDLE.below;
  const share = isReadable ? `${percent(probability)} positive${isEven ? ", close to even" : ""}` : "too few known words";
  const reason = `The model knows ${known.toLocaleString("en")} of ${count(words, "word")}.`;
  if (!isReadable) return { verdict: "Cannot tell", share, reason: `${reason} It reads English.`, isReadable };
  if (isEven) return { verdict: "Cannot tell", share, reason, isReadable };
  if (!uncertain) return { verdict: sentiment[0].toUpperCase() + sentiment.slice(1), share, reason, isReadable };
  const between = `Not certain: between ${percent(rule.above)} and ${percent(rule.below)}.`;
  return { verdict: `Probably ${sentiment}`, share, reason: `${between} ${reason}`, isReadable };
}

/** For styles: "Probably positive" → "probably-positive". */
export function kindOf(verdict) {
  return verdict.toLowerCase().replace(" ", "-");
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

/** How often each verdict occurs: "1 cannot tell, 2 positive". Lines only break after commas. */
export function tally(verdicts) {
  const numbers = VERDICTS.map((verdict) => [verdicts.filter((one) => one === verdict).length, verdict.toLowerCase()]);
  const parts = numbers.flatMap(([number, verdict]) => (number ? `${number.toLocaleString("en")} ${verdict}` : []));
  return parts.map((part) => part.replaceAll(" ", "\u00a0")).join(", ");
}
