// Sample reviews.

import { byId, element } from "./dom.js";

const EXAMPLES = [
  {
    name: "Delighted",
    text: "I loved every minute of this film. The acting is superb, the story is moving, and the last scene is one of the best in years.",
  },
  {
    name: "Bored",
    text: "The plot is a mess, and the jokes are not funny. I almost fell asleep, and so did my friend.",
  },
  {
    name: "Mixed",
    text: "It starts slowly and is far too long, but the acting is good and I enjoyed the last half hour. Some of the jokes work, most do not. Not great, not terrible.",
  },
  { name: "Negations", text: "It is not a bad film, and I was never bored. Do not miss it." },
  { name: "Mostly unknown words", text: "Zzyzx 🎬 flibbertigibbet quux! Brillig slithy toves gyred superbly." },
  { name: "Praise for the popcorn", text: "The popcorn was wonderful, and my seat was superb." },
];

/** @param {(text: string) => void} onChoice Called with the text of the example that was clicked. */
export function showExamples(onChoice) {
  for (const { name, text } of EXAMPLES) {
    const button = element("button", name, { type: "button" });
    button.addEventListener("click", () => onChoice(text));
    const item = element("li");
    item.append(button);
    byId("examples").append(item);
  }
}

/** A CSV file with six reviews. */
export const SAMPLE = `review
"A warm, funny and beautiful film. I loved the cast, and the ending made me cry."
"Boring from start to finish. The script is terrible and the acting is wooden."
"The music is nice, the story less so. It is all right for a rainy afternoon, I guess."
"Not the worst film of the year, but close: a pointless plot, and dialogue that says ""look, I am clever""."
"An excellent thriller with great performances.
I was on the edge of my seat."
"Ugh."
`;
