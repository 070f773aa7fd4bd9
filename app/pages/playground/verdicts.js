// The verdict of each version of the model that is served, side by side. The chosen one explains the review.

import { byId } from "./dom.js";
import { kindOf, percent, read } from "./verdict.js";

export class Verdicts {
  /** The version that explains the review and scores files; "" for the service's default if it has only one. */
  version = "";
  #blocks = new Map(); // version → element

  /** @param {() => void} onChoice Called when another version was chosen. */
  constructor(onChoice) {
    byId("verdicts").addEventListener("change", ({ target }) => {
      this.version = target.value;
      onChoice();
    });
    this.#build([""]);
    keepInView(byId("verdict-card"));
  }

  /** @param {string[]} versions All that are served, the default first. */
  prepare(versions) {
    const needed = versions.length > 1 ? versions : [""];
    if (needed.join("\n") !== [...this.#blocks.keys()].join("\n")) this.#build(needed);
  }

  /** The versions that do not explain the review. */
  get others() {
    return [...this.#blocks.keys()].filter((version) => version !== this.version);
  }

  #build(versions) {
    [this.version] = versions;
    this.#blocks.clear();
    for (const version of versions) {
      const block = byId("verdict-template").content.firstElementChild.cloneNode(true);
      const [label, radio] = block.querySelectorAll("label, input");
      label.hidden = !version;
      label.append(` Version ${version}`);
      Object.assign(radio, { value: version, checked: version === this.version });
      this.#blocks.set(version, block);
    }
    byId("verdicts").replaceChildren(...this.#blocks.values());
    const [role, ariaLabel] = versions.length > 1 ? ["radiogroup", "Version of the model"] : [null, null];
    Object.assign(byId("verdicts"), { role, ariaLabel });
  }

  /** @param {object} prediction From the service. @param {object} model What `GET /model` returned for the version. */
  show(version, prediction, { uncertainty: rule, promise }) {
    const { positive_probability: probability } = prediction;
    const { verdict, share, reason, isReadable } = read(prediction, rule);
    const block = this.#write(version, verdict, share, reason);
    block.dataset.verdict = kindOf(verdict);
    block.querySelector(".measure").hidden = !isReadable;
    const bar = block.querySelector(".bar");
    for (const [name, value] of Object.entries({ probability, above: rule.above, below: rule.below }))
      bar.style.setProperty(`--${name}`, value);
    bar.ariaValueNow = (probability * 100).toFixed(1);
    bar.ariaValueText = percent(probability);
    bar.title = `Probability of being positive: ${probability.toFixed(4)}`;
    block.querySelector(".above").textContent = `below ${percent(rule.above)}`;
    block.querySelector(".below").textContent = `above ${percent(rule.below)}`;
    block.querySelector(".promise").textContent = promise?.sentence ?? "";
  }

  /** Show why there is no verdict, for all versions or one. */
  clear(verdict, reason, versions = this.#blocks.keys()) {
    for (const version of versions) this.#write(version, verdict, "", reason);
  }

  #write(version, verdict, share, reason) {
    const block = this.#blocks.get(version);
    block.dataset.verdict = "";
    block.querySelector(".measure").hidden = true;
    for (const [name, text] of Object.entries({ verdict, share, reason })) {
      const part = block.querySelector(`.${name}`);
      if (part.textContent !== text) part.textContent = text; // screen readers announce every write
    }
    return block;
  }
}

/** The card stays at the top of the window (playground.css). Over other content it is a line; nothing moves for that. */
function keepInView(card) {
  const onScroll = ([{ intersectionRatio: visible }]) => {
    const { offsetHeight: height } = card;
    card.classList.toggle("stuck", visible < 1);
    card.style.marginBottom = `${Math.max(height - card.offsetHeight, 0)}px`;
  };
  new IntersectionObserver(onScroll, { threshold: 1, rootMargin: "0px 0px 100000px" }).observe(card);
}
