// Light or dark: as the system has it, or as chosen here.

const NAME = "theme";

export function chooseTheme() {
  const select = document.getElementById("theme");
  select.value = remembered();
  apply(select.value);
  select.addEventListener("change", () => {
    apply(select.value);
    try {
      localStorage.setItem(NAME, select.value);
    } catch {
      // Some browsers forbid it; the choice then lasts as long as the page.
    }
  });
}

function apply(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function remembered() {
  try {
    const theme = localStorage.getItem(NAME);
    return theme === "light" || theme === "dark" ? theme : "";
  } catch {
    return "";
  }
}
