// The field for a key, shown when the service wants one.

import { strangeIn } from "./service.js";

export class KeyField {
  /**
   * @param {import("./service.js").Service} service Gets the key.
   * @param {() => void} onKey Called when there is a new one.
   */
  constructor(service, onKey) {
    const section = document.getElementById("key-section");
    const field = document.getElementById("key");
    service.addEventListener("key-needed", () => {
      document.getElementById("key-reason").textContent = service.hasKey
        ? "The service does not know this key. Is it complete, and still valid? Whoever runs the service has it."
        : "This service answers only who has a key, and the page has none yet. Whoever runs the service has it.";
      section.hidden = false;
    });
    field.addEventListener("input", () => complain(""));
    document.getElementById("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const key = field.value.trim();
      const strange = strangeIn(key);
      complain(strange);
      if (strange) {
        field.select();
        return;
      }
      service.key = key;
      field.value = "";
      section.hidden = true;
      document.getElementById("review").focus(); // where the focus was is gone
      onKey();
    });

    function complain(character) {
      const wrong = document.getElementById("key-wrong");
      const code = character && character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      // The code as well: some characters that are copied along cannot be seen.
      wrong.textContent =
        character &&
        `This cannot be the key: it holds “${character}” (U+${code}), and keys have only plain letters, digits and signs. ` +
          "Copy it again, from where it was given to you.";
      wrong.hidden = !character;
      field.setAttribute("aria-invalid", String(character !== ""));
    }
  }
}
