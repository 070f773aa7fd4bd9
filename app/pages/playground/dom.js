// Shorthands for the document.

export const byId = (id) => document.getElementById(id);

/** A new element; its text is never parsed as HTML. */
export function element(tag, text = "", properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, properties);
}

/** Leaves unchanged text alone: screen readers announce every write, and selections are lost. */
export function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}
