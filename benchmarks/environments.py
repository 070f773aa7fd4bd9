"""Separate environments for measured servers and for clients in tests, whose packages would conflict."""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent


def environment(requirements: Path, console: Console, root: Path = ROOT) -> Path:
    """Install a requirements file into `.environments` of a checkout, unless it is installed.

    Returns:
        The environment's Python.

    Raises:
        subprocess.CalledProcessError: The installer failed; its message was printed.
    """
    folder = root / ".environments" / requirements.stem
    python = folder / "bin/python"
    stamp = folder / "requirements.sha256"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test processes may need the same environment
        if not stamp.exists() or stamp.read_text() != digest:
            uv = [sys.executable, "-m", "uv"]
            with console.status(f"installing {requirements}"):
                subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
                subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, "-r", requirements], check=True)
            stamp.write_text(digest)
    return python
