"""`python -m website`: build the documentation site in website/public.

The pages are those in docs/, which people also read in the repository. There, pages link to files outside of docs/. On
the site these links lead to the repository whose address is in REPOSITORY_URL; if it is unset, only their text remains.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

WEBSITE = Path(__file__).parent
DOCS = WEBSITE.parent / "docs"
BUILD = WEBSITE / "build"
READ_IT = """\
The site is in website/public. Links and search need HTTP: run `python3 -m http.server --directory website/public 8001`,
then open http://127.0.0.1:8001."""
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")


def main() -> None:
    """Exit with 1 if a link is broken."""
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.copytree(DOCS, BUILD / "docs")
    shutil.copy(WEBSITE / "site.css", BUILD / "docs")
    for page in BUILD.rglob("*.md"):
        page.write_text(adapted(page.read_text(), DOCS / page.relative_to(BUILD / "docs")))
    config = WEBSITE / "zensical.toml"
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", str(config)]
    if subprocess.run(command, check=False).returncode:
        sys.exit(1)
    print(READ_IT)


def adapted(text: str, page: Path) -> str:
    """A page of the repository as a page of the site.

    Args:
        text: Its Markdown.
        page: Its path in the repository.
    """
    repository = os.environ.get("REPOSITORY_URL", "").rstrip("/")

    def link(match: re.Match[str]) -> str:
        label, target = match.groups()
        path = (page.parent / target.partition("#")[0]).resolve()
        if "://" in target or path.is_relative_to(DOCS):
            return match[0]
        return f"[{label}]({repository}/blob/main/{path.relative_to(DOCS.parent)})" if repository else label

    return LINK.sub(link, text)


if __name__ == "__main__":
    main()
