// The API key form, shown when the service requires a key.

import { byId } from "./dom.js";

/**
 * @param {import("./service.js").Service} service Receives the key.
 * @param {() => void} onKey Called after a new key was set.
 */
export function requestKeys(service, onKey) {
  const section = byId("key-section");
  service.addEventListener("key-needed", () => {
    byId("key-reason").textContent = service.hasKey
      ? "The service rejected this key. Check that it is complete and still valid, or ask the operator for another one."
      : "This service requires an API key. Ask its operator for one.";
    section.hidden = false;
  });
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault(); // the browser has checked the pattern of the field
    service.key = byId("key").value.trim();
    byId("key").value = "";
    section.hidden = true;
    byId("review").focus(); // the focused form is hidden now
    onKey();
  });
}
