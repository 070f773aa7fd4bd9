// What the reader chooses about the page: its theme, and whether to show log-odds.

import { byId, recall, remember } from "./dom.js";

export function restoreChoices() {
  const theme = byId("theme");
  const logOdds = byId("log-odds");
  const apply = () => {
    document.documentElement.dataset.theme = theme.value;
    document.documentElement.toggleAttribute("data-log-odds", logOdds.checked);
  };
  theme.value = recall("localStorage", "theme");
  logOdds.checked = recall("sessionStorage", "log-odds") === "shown";
  apply();
  theme.addEventListener("change", () => {
    apply();
    remember("localStorage", "theme", theme.value);
  });
  logOdds.addEventListener("change", () => {
    apply();
    remember("sessionStorage", "log-odds", logOdds.checked ? "shown" : "");
  });
}
