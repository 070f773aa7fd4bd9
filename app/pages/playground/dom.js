// Shorthands for the document and the browser's storage.

export const byId = (id) => document.getElementById(id);

/** A new element; its text is never parsed as HTML. */
export function element(tag, text = "", properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, properties);
}

/** Leaves unchanged text alone: screen readers announce every write, and selections are lost. */
export function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

/** @param {"localStorage"|"sessionStorage"} storage */
export function recall(storage, name) {
  try {
    return window[storage].getItem(name) ?? "";
  } catch {
    return ""; // some browsers forbid it
  }
}

export function remember(storage, name, value) {
  try {
    window[storage].setItem(name, value);
  } catch {
    // The value lasts until the page is closed.
  }
}
