// How often each verdict occurs in a file: as chips that filter the table, as one bar, and by probability.

import { byId, element } from "./dom.js";
import { count, kindOf, VERDICTS } from "./verdict.js";

const BINS = 20; // of the histogram

export class Summary {
  #chips = VERDICTS.map((verdict) => element("button", "", { type: "button", name: verdict }));

  /** @param {() => void} onChoice Called when the choice of verdicts has changed. */
  constructor(onChoice) {
    for (const chip of this.#chips) {
      chip.dataset.verdict = kindOf(chip.name);
      chip.addEventListener("click", () => {
        chip.ariaPressed = String(chip.ariaPressed !== "true");
        onChoice();
      });
    }
    byId("chips").append(...this.#chips);
  }

  /** Choose all verdicts. */
  reset() {
    for (const chip of this.#chips) chip.ariaPressed = "false";
  }

  /** Whether a row has one of the chosen verdicts; if none is chosen, all rows count. */
  includes(row) {
    const chosen = this.#chips.filter((chip) => chip.ariaPressed === "true");
    return !chosen.length || chosen.some((chip) => chip.name === verdictOf(row));
  }

  /** @param {Array} rows All of the file. */
  draw(rows) {
    const all = new Map(); // verdict → number of rows
    const bins = Array.from({ length: BINS }, () => new Map()); // the same, by probability
    for (const row of rows) {
      add(all, verdictOf(row));
      if (row.reading?.isReadable) add(bins[Math.min(Math.floor(row.prediction.positive_probability * BINS), BINS - 1)], verdictOf(row));
    }
    for (const chip of this.#chips) {
      const number = all.get(chip.name) ?? 0;
      chip.textContent = `${chip.name} ${number.toLocaleString("en")}`;
      chip.disabled = !number && chip.ariaPressed !== "true";
    }
    byId("shares").replaceChildren(...partsOf(all, rows.length));

    const totals = bins.map((numbers) => [...numbers.values()].reduce((sum, number) => sum + number, 0));
    const told = totals.map((total, i) => `${count(total, "review")} from ${(i * 100) / BINS}% to ${((i + 1) * 100) / BINS}%`);
    const bars = bins.map((numbers, i) => {
      const bar = element("div", "", { title: told[i] });
      bar.append(...partsOf(numbers, Math.max(...totals)));
      return bar;
    });
    byId("histogram").replaceChildren(...bars);
    byId("histogram").ariaLabel = `Distribution of the probabilities: ${told.filter((_, i) => totals[i]).join(", ")}`;
  }
}

/** "" while a row is waiting. */
function verdictOf({ reading, skipped, error }) {
  return reading?.verdict ?? (skipped ? "Not scored" : error ? "Failed" : "");
}

function add(numbers, verdict) {
  numbers.set(verdict, (numbers.get(verdict) ?? 0) + 1);
}

/** The parts of a bar, one for each verdict that occurs. */
function partsOf(numbers, full) {
  return VERDICTS.filter((verdict) => numbers.has(verdict)).map((verdict) => {
    const part = element("span");
    part.dataset.verdict = kindOf(verdict);
    part.style.setProperty("--size", numbers.get(verdict) / full);
    return part;
  });
}
