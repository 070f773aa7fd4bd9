"""`python .github/release_notes.py TAG`: print the section of CHANGELOG.md for a release.

Exits with 1 if the tag is not `v` and the version of the service, if the changelog has no section for that version, or
if pyproject.toml does not have the address of the repository. No other file has it.
"""

import os
import re
import runpy
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(tag: str) -> None:
    """Print the notes."""
    version = runpy.run_path(str(ROOT / "app/__init__.py"))["__version__"]
    if tag != f"v{version}":
        sys.exit(f"The tag is {tag}, but app/__init__.py says {version}.")
    heading = rf"^## {re.escape(version)}(?: [^\n]*)?\n"
    section = re.search(rf"{heading}(.*?)(?=^## |\Z)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE | re.DOTALL)
    if section is None:
        sys.exit(f'CHANGELOG.md has no section "## {version}".')
    repository = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if project.get("urls", {}).get("Repository") != repository:
        sys.exit(f'pyproject.toml needs [project.urls] with Repository = "{repository}".')
    # GitHub renders each newline in release notes as a line break, and has no folder for relative links there.
    notes = re.sub(r"\n +(?!- )(?=\S)", " ", section[1].strip())
    notes = re.sub(r"\]\((?!\w+:|#)", f"]({repository}/blob/{tag}/", notes)
    sys.stdout.write(f"{notes}\n")


if __name__ == "__main__":
    main(sys.argv[1])
