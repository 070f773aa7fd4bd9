"""Renders kustomizations with kustomize, or the one in kubectl."""

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are not a requirement of this project

Resource = dict[str, Any]


def command() -> list[str] | None:
    """Return the command that renders a folder, or None if none is installed."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None


@functools.cache
def render(folder: Path, *components: Path) -> list[Resource]:
    """Render a kustomization, with components added to it as an overlay would.

    Raises:
        subprocess.CalledProcessError: kustomize failed, and has written the reason to standard error.
    """
    with tempfile.TemporaryDirectory() as overlay:

        def relative(paths: tuple[Path, ...]) -> list[str]:
            return [os.path.relpath(path.resolve(), Path(overlay).resolve()) for path in paths]

        kustomization = {"resources": relative((folder,)), "components": relative(components)}
        (Path(overlay) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        build = [*(command() or ["kustomize", "build"]), overlay]
        rendered = subprocess.run(build, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    return list(yaml.safe_load_all(rendered))
