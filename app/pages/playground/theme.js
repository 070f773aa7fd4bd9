// Light or dark: what the reader chose, or else what the system prefers. Each page of the playground runs this.

import { byId, recall, remember } from "./dom.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const field = byId("theme") ?? {};
field.value = recall("localStorage", "theme");

function apply() {
  document.documentElement.dataset.theme = field.value || (system.matches ? "dark" : "light");
}

apply();
system.onchange = apply;
field.onchange = () => {
  apply();
  remember("localStorage", "theme", field.value);
};
