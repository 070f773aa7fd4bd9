"""`python -m clients`, or `make clients`: generate a Python and a TypeScript client from openapi.json.

Each client is a package: `python/sentiment-client` and `typescript` in the output folder.
"""

import argparse
import fcntl
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OLDEST_NODE = (20, 19)
"""Required by the generator and the linter."""


class DocumentUnreadable(Exception):
    """The document is missing or not OpenAPI; the message says which and why."""


class ToolMissing(Exception):
    """A required program is missing or too old; the message says which."""


def main(arguments: list[str] | None = None) -> int:
    """Generate both clients.

    Returns:
        The exit code: 1 if the document cannot be read or a generator fails. Without Node, the TypeScript client is
        skipped with a message, and the exit code is 0.
    """
    options = argparse.ArgumentParser(prog="python -m clients", description=__doc__)
    options.add_argument("--output", type=Path, default=HERE, help="the folder to write to (default: clients)")
    options.add_argument(
        "--document", type=Path, default=HERE.parent / "openapi.json", help="the document (default: openapi.json)"
    )
    chosen = options.parse_args(arguments)
    output, document = chosen.output.resolve(), chosen.document.resolve()
    try:
        print(f"Python: {write_python(document, output / 'python/sentiment-client')}")
        install_node_packages()
        print(f"TypeScript: {write_typescript(document, output / 'typescript')}")
    except ToolMissing as missing:
        print(f"TypeScript: left out. {missing}")
    except DocumentUnreadable as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {Path(error.cmd[0]).name} ended with {error.returncode}:\n{error.stdout}", file=sys.stderr)
        return 1
    return 0


def write_python(document: Path, folder: Path) -> Path:
    """Generate the Python client, a package for pip; returns its folder.

    Raises:
        DocumentUnreadable: The document cannot be read; an existing client is kept.
    """
    content = _read(document)
    for path in content["paths"].values():
        for operation in path.values():
            # openapi-python-client 0.29 takes "a key or nothing" for "a key", and its types would require one.
            if {} in operation.get("security", []):
                operation["security"] = []
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        prepared = Path(temporary) / "openapi.json"
        prepared.write_text(json.dumps(content))
        generator = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "uv", "--fail-on-warning"]
        config = HERE / "python/generator.yaml"
        _run([*generator, "--path", str(prepared), "--config", str(config), "--output-path", str(folder)], HERE)
    return folder


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DocumentUnreadable(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise DocumentUnreadable(f"{path}: not JSON ({error})") from error
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise DocumentUnreadable(f"{path}: not an OpenAPI document, it has no `paths`; see `make openapi`")
    return document


def install_node_packages() -> None:
    """Install the packages in clients/typescript/package-lock.json, unless they are installed.

    Raises:
        ToolMissing: Node or npm is missing or too old.
    """
    oldest = ".".join(map(str, OLDEST_NODE))
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise ToolMissing(f"It needs Node {oldest} or newer and npm, and {'npm' if node else 'node'} is not here.")
    version = _run([node, "--version"], HERE).strip()
    if tuple(map(int, version.removeprefix("v").split(".")[:2])) < OLDEST_NODE:
        raise ToolMissing(f"It needs Node {oldest} or newer, this is {version}.")
    folder = HERE / "typescript"
    lock, installed = folder / "package-lock.json", folder / "node_modules/.installed"
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # tests in parallel processes may install them at the same time
        if not installed.exists() or installed.read_bytes() != lock.read_bytes():
            _run([npm, "ci"], folder)
            shutil.copyfile(lock, installed)


def write_typescript(document: Path, folder: Path) -> Path:
    """Generate and compile the TypeScript client, a package for npm; returns its folder."""
    tools = HERE / "typescript"
    for generated in ("src", "dist"):
        shutil.rmtree(folder / generated, ignore_errors=True)
    if folder != tools:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "tsconfig.json"):
            shutil.copyfile(tools / name, folder / name)
    programs = tools / "node_modules/.bin"
    arguments = ["--input", str(document), "--output", str(folder / "src"), "--no-log-file"]
    _run([str(programs / "openapi-ts"), *arguments], tools)
    _run([str(programs / "tsc"), "--project", str(folder / "tsconfig.json")], folder)
    return folder


def _run(command: list[str], folder: Path) -> str:
    """Run a program; returns its output."""
    done = subprocess.run(  # noqa: S603  # the arguments come from the caller of this command
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
