// Light or dark theme: the system's, or the one that is selected here.

const STORED_THEME = "theme";

export function chooseTheme() {
  const select = document.getElementById("theme");
  select.value = storedTheme();
  apply(select.value);
  select.addEventListener("change", () => {
    apply(select.value);
    try {
      localStorage.setItem(STORED_THEME, select.value);
    } catch {
      // Some browsers forbid it; the choice then lasts until the page is closed.
    }
  });
}

function apply(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function storedTheme() {
  try {
    const theme = localStorage.getItem(STORED_THEME);
    return theme === "light" || theme === "dark" ? theme : "";
  } catch {
    return "";
  }
}
