"""The examples of clients/README.md."""

import re

from tests.servers import ROOT


def example(language: str, number: int, **replacements: str) -> str:
    """Read an example.

    Args:
        language: The language of the code block.
        number: Index among the code blocks of this language.
        replacements: `url`, `key` and `tries` to use instead of those in the example.
    """
    readme = (ROOT / "clients/README.md").read_text()
    code: str = re.findall(rf"^```{language}\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[number]
    patterns = {"url": r"http://127\.0\.0\.1:8000", "key": "the key", "tries": r"(?<=tries)(: int)? = 10"}
    for name, value in replacements.items():
        code, count = re.subn(patterns[name], f" = {value}" if name == "tries" else value, code)
        assert count == 1
    return code
