"""The documentation site: it builds, has every page, and loads nothing from other hosts."""

import os
import re
import subprocess
import sys
import tomllib
from urllib.parse import unquote

import pytest

from tests.servers import ROOT

PUBLIC = ROOT / "website/public"
REPOSITORY = "https://git.example/review-sentiment"


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    env = os.environ | {"REPOSITORY_URL": REPOSITORY}
    done = subprocess.run([sys.executable, "-m", "website"], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_page_is_in_the_navigation() -> None:
    navigation = re.findall(r'"([\w/-]+\.md)"', (ROOT / "website/zensical.toml").read_text())
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(navigation) == sorted(page for page in pages if not page.startswith("experiments/"))
    assert tomllib.loads((ROOT / "website/zensical.toml").read_text())["project"]["theme"]["font"] is False


def test_pages_load_nothing_from_other_hosts_and_have_no_dead_links() -> None:
    pages = [path for path in PUBLIC.rglob("*.html") if path.name != "404.html"]
    assert len(pages) > 15
    for page in pages:
        html = page.read_text()
        assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//[^"]*"', html), page
        for target in re.findall(r'<a [^>]*href="([^"#?]+)', html):
            if target.startswith(REPOSITORY):
                path = target.removeprefix(f"{REPOSITORY}/blob/main/")
                assert (ROOT / unquote(path)).exists(), f"{page}: {target}"
            elif "://" not in target:
                assert (page.parent / unquote(target)).exists(), f"{page}: {target}"


def test_headings_and_code_blocks_of_every_page_are_on_the_site() -> None:
    for page in (ROOT / "docs").glob("*/*.md"):
        fence = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
        blocks, text = fence.findall(page.read_text()), fence.sub("", page.read_text())
        html = (PUBLIC / page.relative_to(ROOT / "docs").with_suffix("") / "index.html").read_text()
        article = html.partition("<article")[2].partition("</article>")[0]
        headings = re.findall("^#+ ", text, re.MULTILINE)
        assert len(re.findall("<h[1-6][ >]", article)) == len(headings), page
        assert article.count("<pre") == len(blocks), page
