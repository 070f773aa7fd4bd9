"""`python -m tests.browser`: take the README's pictures, of the top of the playground with its first example."""

from io import BytesIO
from typing import Literal

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.browser.chromium import NAMES, find_chromium, launch, visiting
from tests.servers import ROOT, serving

IMAGES = ROOT / "docs/images"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PICTURES = {scheme: IMAGES / f"playground-{scheme}.png" for scheme in SCHEMES}
"""Colour scheme -> picture."""


def main() -> None:
    program = find_chromium()
    assert program is not None, f"no browser: install {' or '.join(NAMES)}, or set CHROMIUM"
    with serving(runtime="numpy") as server, sync_playwright() as playwright:
        browser = launch(playwright, program)
        for scheme, picture in PICTURES.items():
            context = browser.new_context(
                color_scheme=scheme, viewport={"width": 1200, "height": 700}, device_scale_factor=2
            )
            with visiting(context, server.url) as visit:
                visit.arrive()
                expect(visit.page.locator("#for li").first).to_be_visible()
                with Image.open(BytesIO(visit.page.screenshot())) as image:  # fewer colours: several times smaller
                    few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
            few.save(picture, optimize=True)
            print(picture, picture.stat().st_size, "bytes")
        browser.close()


if __name__ == "__main__":
    main()
