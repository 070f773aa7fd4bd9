// The API key form, shown when the service requires a key.

import { invalidCharacterIn } from "./service.js";

export class KeyField {
  /**
   * @param {import("./service.js").Service} service Receives the key.
   * @param {() => void} onKey Called after a new key was set.
   */
  constructor(service, onKey) {
    const section = document.getElementById("key-section");
    const field = document.getElementById("key");
    service.addEventListener("key-needed", () => {
      document.getElementById("key-reason").textContent = service.hasKey
        ? "The service rejected this key. Check that it is complete and still valid, or ask the operator for another one."
        : "This service requires an API key. Ask its operator for one.";
      section.hidden = false;
    });
    field.addEventListener("input", () => showInvalid(""));
    document.getElementById("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const key = field.value.trim();
      const invalid = invalidCharacterIn(key);
      showInvalid(invalid);
      if (invalid) {
        field.select();
        return;
      }
      service.key = key;
      field.value = "";
      section.hidden = true;
      document.getElementById("review").focus(); // the focused form is hidden now
      onKey();
    });

    function showInvalid(character) {
      const wrong = document.getElementById("key-wrong");
      const code = character && character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      // With its code point, because some characters are invisible.
      wrong.textContent =
        character &&
        `This key is not valid: it contains “${character}” (U+${code}), and keys contain only printable ASCII characters. ` +
          "Copy the key again.";
      wrong.hidden = !character;
      field.setAttribute("aria-invalid", String(character !== ""));
    }
  }
}
