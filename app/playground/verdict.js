// A prediction in plain language.

/**
 * @param {{positive_probability: number, sentiment: string, uncertain: boolean, words: number, known_words: number}} prediction
 * @returns {{kind: "positive"|"negative"|"uncertain", label: string, brief: string, knows: string}}
 *   `label` and `knows` for a single review, `brief` for a table.
 */
export function verdictOf({ positive_probability: probability, sentiment, uncertain, words, known_words: known }) {
  const brief = uncertain ? `Uncertain, leaning ${sentiment}` : sentiment === "positive" ? "Positive" : "Negative";
  return {
    kind: uncertain ? "uncertain" : sentiment,
    label: `${brief} (${percent(Math.max(probability, 1 - probability))})`,
    brief,
    knows: `The model knows ${known.toLocaleString("en")} of ${count(words, "word")}.`,
  };
}

/** Why a prediction is uncertain by the bundle's rule, from GET /model. */
export function whyUncertain({ words, known_words: known }, rule) {
  if (known < rule.min_known_words || known < words * rule.min_known_share) {
    const minimum = rule.min_known_words > 1 ? `${rule.min_known_words}, and ` : "";
    return `A reliable prediction needs at least ${minimum}${percent(rule.min_known_share)} of all words.`;
  }
  return `Probabilities between ${percent(rule.above)} and ${percent(rule.below)} are not reliable.`;
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
