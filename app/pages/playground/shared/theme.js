// Light or dark: what the reader chose, or else what the system prefers. Each page runs this.

import { recall, remember } from "./storage.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const field = document.getElementById("theme") ?? {};
field.value = recall("localStorage", "theme");

function apply() {
  const theme = field.value || (system.matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  document.documentElement.classList.toggle("dark-mode", theme === "dark"); // Swagger UI's name for it
}

apply();
system.onchange = apply;
field.onchange = () => {
  apply();
  remember("localStorage", "theme", field.value);
};
