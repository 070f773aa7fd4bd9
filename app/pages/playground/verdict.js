// Predictions and effects in plain language.

/**
 * @param {{positive_probability: number, sentiment: string, uncertain: boolean}} prediction
 * @returns {{kind: "positive"|"negative"|"uncertain", label: string, brief: string}}
 *   `label` for a single review, `brief` for a table.
 */
export function verdictOf({ positive_probability: probability, sentiment, uncertain }) {
  const brief = uncertain ? `Uncertain, leaning ${sentiment}` : sentiment === "positive" ? "Positive" : "Negative";
  return {
    kind: uncertain ? "uncertain" : sentiment,
    label: `${brief} (${percent(Math.max(probability, 1 - probability))})`,
    brief,
  };
}

/** How much of a review the model knows and, if its prediction is uncertain, why: by the bundle's rule, from GET /model. */
export function reasonFor({ uncertain, words, known_words: known }, rule) {
  const knows = `The model knows ${known.toLocaleString("en")} of ${count(words, "word")}.`;
  if (!uncertain) return knows;
  if (known >= rule.min_known_words && known >= words * rule.min_known_share)
    return `${knows} Probabilities between ${percent(rule.above)} and ${percent(rule.below)} are not reliable.`;
  const minimum = rule.min_known_words > 1 ? `${rule.min_known_words} words and ` : "";
  return `${knows} For a reliable prediction, it has to know at least ${minimum}${percent(rule.min_known_share)} of them.`;
}

/** 0.984 → "98%", 0.9962 → "99.6%", 0.99 and 0.9902 → "99%"; never 0% or 100%, as no prediction is that certain. */
export function percent(probability) {
  if (probability > 0.999) return "over 99.9%";
  if (probability < 0.001) return "under 0.1%";
  const digits = probability > 0.99 || probability < 0.01 ? 1 : 0;
  return `${Number((probability * 100).toFixed(digits))}%`; // Number turns 1.0 into 1
}

/** A difference of probabilities in percentage points: 0.123 → "+12.3". */
export function points(difference) {
  const text = signed(difference * 100, 1);
  return text === "0.0" && difference ? "under 0.1" : text;
}

/** −0.302 → "−0.30", with a minus sign, not a hyphen. */
export function signed(number, digits = 2) {
  const text = Math.abs(number).toFixed(digits);
  if (Number(text) === 0) return text;
  return (number < 0 ? "−" : "+") + text;
}

/** "" for a term that occurs once in the review, " (3 times)" for others. */
export function times({ occurrences }) {
  return occurrences.length > 1 ? ` (${occurrences.length} times)` : "";
}

/** 1, "word" → "1 word"; 2000, "word" → "2,000 words". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
