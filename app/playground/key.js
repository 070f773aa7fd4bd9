// The field for a key, shown when the service wants one.

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
    document.getElementById("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      service.key = field.value.trim();
      field.value = "";
      section.hidden = true;
      document.getElementById("review").focus(); // where the focus was is gone
      onKey();
    });
  }
}
