// What a review or sentence is based on: its terms as bars, those for and those against it, strongest first.

import { byId, element } from "./dom.js";
import { percent, signed } from "./verdict.js";

const MIN_SHOWN = 0.02; // log-odds
const TOP = 4; // of each group are shown at first,
const MIN_LEADING = 0.1; // if they have this share of the strongest effect
const NAMED = 3; // of the terms that have one effect together

/**
 * @param {Array} effects From the service, strongest first: each says what was left out, and what that changed.
 * @param {number} full Log-odds of the longest bar.
 */
export function showEffects(effects, full) {
  const strongest = Math.abs(effects[0]?.log_odds ?? 0);
  for (const [id, sign] of [["for", 1], ["against", -1]]) {
    const group = effects.filter((effect) => effect.log_odds * sign >= MIN_SHOWN);
    const items = group.map((effect) => itemOf(effect, Math.max(full, strongest)));
    items.forEach((item, i) => item.classList.toggle("minor", i >= TOP || Math.abs(group[i].log_odds) < MIN_LEADING * strongest));
    byId(id).replaceChildren(...items);
  }
}

function itemOf({ terms, log_odds: size, positive_probability_without: probability, occurrences }, longest) {
  const without = percent(probability);
  const item = element("li", "", { title: `without “${terms.join("”, “")}”: ${without}` });
  const bar = element("span", "", { className: "size" });
  bar.style.setProperty("--size", Math.abs(size) / longest);
  const times = occurrences.length > terms.length ? ` (${occurrences.length} times)` : "";
  const numbers = `${signed(size)}, without ${terms.length > 1 ? "them" : "it"}: ${without}`;
  item.append(element("span", nameOf(terms) + times, { dir: "auto" }), bar, element("span", numbers, { className: "numbers" }));
  return item;
}

/** "not good"; "the, was, and, plus 8 more" for terms that are the same to the model. */
export function nameOf(terms) {
  const more = terms.length > NAMED ? `, plus ${terms.length - NAMED} more` : "";
  return terms.slice(0, NAMED).join(", ") + more;
}
