// What the browser keeps for the pages; some browsers forbid it.

/** @param {"localStorage"|"sessionStorage"} storage */
export function recall(storage, name) {
  try {
    return window[storage].getItem(name) ?? "";
  } catch {
    return "";
  }
}

export function remember(storage, name, value) {
  try {
    window[storage].setItem(name, value);
  } catch {
    // The value lasts until the page is closed.
  }
}
