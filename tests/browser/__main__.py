"""`python -m tests.browser`: update the README's picture from the screenshots of test_screens.py."""

from PIL import Image

from tests.browser.chromium import OUTPUT
from tests.servers import ROOT

IMAGES = ROOT / "docs/images"
PICTURES = {"light-desktop-numbers.png": "playground-light.png"}
"""Screenshot -> picture."""


def main() -> None:
    for screenshot, picture in PICTURES.items():
        with Image.open(OUTPUT / screenshot) as image:
            image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(IMAGES / picture, optimize=True)
        print(IMAGES / picture, (IMAGES / picture).stat().st_size, "bytes")


if __name__ == "__main__":
    main()
