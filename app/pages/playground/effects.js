// The words and phrases of a review or sentence as bars, those for and those against it, strongest first.

import { byId, element } from "./dom.js";
import { percent, signed } from "./verdict.js";

const MIN_SHOWN = 0.02; // log-odds

/**
 * @param {Array} parts Of the text; see pull.js. Those with the same words are added up.
 * @param {number} full Log-odds of the longest bar.
 */
export function showEffects(parts, full) {
  const effects = new Map();
  for (const part of parts) {
    const effect = effects.get(nameOf(part)) ?? { ...part, pull: 0, times: 0 };
    effects.set(nameOf(part), { ...effect, pull: effect.pull + part.pull, times: effect.times + 1 });
  }
  const sorted = [...effects.values()].sort((one, other) => Math.abs(other.pull) - Math.abs(one.pull));
  const longest = Math.max(full, Math.abs(sorted[0]?.pull));
  for (const [id, sign] of [["for", 1], ["against", -1]]) {
    const group = sorted.filter(({ pull }) => pull * sign >= MIN_SHOWN);
    byId(id).replaceChildren(...group.map((effect) => itemOf(effect, longest)));
    byId(id).parentElement.hidden = !group.length;
  }
}

function itemOf(effect, longest) {
  const item = element("li", "", { title: withoutOf(effect) });
  const bar = element("span", "", { className: "size" });
  bar.style.setProperty("--size", Math.abs(effect.pull) / longest);
  const times = effect.times > 1 ? ` (${effect.times} times)` : "";
  const numbers = element("span", `${signed(effect.pull)}, ${withoutOf(effect)}`, { className: "numbers" });
  item.append(element("span", effect.text + times, { dir: "auto" }), bar, numbers);
  return item;
}

/** How likely the whole review would be to be positive without these words: "without it: 66%". */
export function withoutOf(part) {
  const name = nameOf(part);
  const term = part.terms.find(({ terms }) => terms.includes(name)) ?? part.terms[0];
  const it = term.terms.includes(name) ? "it" : `“${term.terms.join("”, “")}”`;
  return `without ${it}: ${percent(term.positive_probability_without)}`;
}

function nameOf({ text }) {
  return text.toLowerCase().replace(/\s+/g, " ");
}
