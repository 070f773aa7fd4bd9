// The API key form, shown when the service requires a key.

import { byId, setText } from "./dom.js";

/**
 * @param {import("./service.js").Service} service Receives the key.
 * @param {() => void} onKey Called after the service accepted a key.
 */
export function requestKeys(service, onKey) {
  const section = byId("key-section");
  const field = byId("key");
  service.addEventListener("key-needed", () => {
    section.hidden = false;
    field.ariaInvalid = String(service.hasKey);
    setText("key-reason", service.hasKey ? "" : "This service requires an API key. Ask its operator for one.");
    setText("key-rejected", service.hasKey ? "The service rejected this key. Check that it is complete and still valid." : "");
  });
  field.addEventListener("input", () => (field.ariaInvalid = null));
  byId("key-form").addEventListener("submit", async (event) => {
    event.preventDefault(); // the browser has checked the pattern of the field
    setText("key-rejected", ""); // so that a second rejection is announced as well
    service.key = field.value.trim();
    const isRejected = await service.model().then(() => false, (problem) => problem.status === 401);
    if (isRejected) return field.select();
    field.value = "";
    section.hidden = true;
    byId("review").focus(); // the focused form is hidden now
    onKey();
  });
}
