// "Use the API": the request for what is on the page, in other languages, and its response.

import * as commands from "./commands.js";
import { byId, setText } from "./dom.js";
import { Latest } from "./latest.js";

export class Api {
  #service;
  #latest = new Latest();
  #shown = { review: "", version: "" };

  /** @param {import("./service.js").Service} service */
  constructor(service) {
    this.#service = service;
    for (const name of ["toggle", "change"]) byId("api").addEventListener(name, () => this.#render());
    byId("copy").addEventListener("click", () => this.#copy());
  }

  /** Show the request for another review, or by another version of the model. */
  show(review, version) {
    this.#shown = { review, version };
    this.#render();
  }

  #render() {
    setText("copied", "");
    if (!byId("api").open) return;
    const endpoint = byId("endpoint").value;
    const call = { ...this.#shown, endpoint, base: this.#service.base, withKey: this.#service.hasKey };
    setText("request", commands[byId("language").value](call));
    this.#latest.start(
      (signal) => this.#service.send(call, signal),
      (response) => setText("response", commands.readable(response)),
      (problem) => setText("response", problem.message),
    );
  }

  async #copy() {
    setText("copied", "");
    try {
      await navigator.clipboard.writeText(byId("request").textContent);
      const key = this.#service.hasKey ? " Set SENTIMENT_KEY to your key before you run it." : "";
      setText("copied", `Copied.${key}`);
    } catch {
      // Browsers only allow it on localhost and over HTTPS.
      getSelection().selectAllChildren(byId("request"));
      setText("copied", "The browser does not allow copying here. The request is selected: press Ctrl+C.");
    }
  }
}
