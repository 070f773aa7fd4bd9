"""`python -m clients`, or `make clients`: write a Python and a TypeScript client from openapi.json.

Each of them is a package of its own: `python/sentiment-client` and `typescript` below the output folder.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent / "openapi.json"
OLDEST_NODE = (20, 19)
"""What the generator and the linter want."""


class DocumentUnreadable(Exception):
    """The document is not there, or no OpenAPI; the message says which and why."""


class ToolMissing(Exception):
    """A program that is needed is not there, or too old; the message says which."""


def main(arguments: list[str] | None = None) -> int:
    """Write both clients.

    Returns:
        The exit code: 0 also where there is no Node, which the output then says; 1 when the document cannot be read, or
        a generator fails.
    """
    options = argparse.ArgumentParser(prog="python -m clients", description=__doc__)
    options.add_argument("--output", type=Path, default=HERE, help="the folder to write to (default: clients)")
    options.add_argument("--document", type=Path, default=DOCUMENT, help="the document (default: openapi.json)")
    wanted = options.parse_args(arguments)
    output, document = wanted.output.resolve(), wanted.document.resolve()
    try:
        print(f"Python: {write_python(document, output / 'python/sentiment-client')}")
        try:
            install_node_packages()
        except ToolMissing as error:
            print(f"TypeScript: left out. {error}")
        else:
            print(f"TypeScript: {write_typescript(document, output / 'typescript')}")
    except DocumentUnreadable as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {Path(error.cmd[0]).name} ended with {error.returncode}:\n{error.stdout}", file=sys.stderr)
        return 1
    return 0


def write_python(document: Path, folder: Path) -> Path:
    """Write the Python client, a package that pip can install; returns its folder.

    Raises:
        DocumentUnreadable: The document cannot be read; a client that is there already stays.
    """
    content = json.dumps(_for_python(_read(document)))
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        prepared = Path(temporary) / "openapi.json"
        prepared.write_text(content)
        generator = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "uv", "--fail-on-warning"]
        config = HERE / "python/generator.yaml"
        _run([*generator, "--path", str(prepared), "--config", str(config), "--output-path", str(folder)], HERE)
    return folder


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DocumentUnreadable(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # no UTF-8, or no JSON
        raise DocumentUnreadable(f"{path}: not JSON ({error})") from error
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise DocumentUnreadable(f"{path}: not an OpenAPI document, it holds no `paths`; see `make openapi`")
    return document


def _for_python(document: dict[str, Any]) -> dict[str, Any]:
    """Tell openapi-python-client 0.29 only what it understands."""
    for path in document["paths"].values():
        for operation in path.values():
            # It takes "a key or nothing" for "a key", and would refuse clients without one in type checks.
            if {} in operation.get("security", []):
                operation["security"] = []
    return document


def install_node_packages() -> None:
    """Install what clients/typescript/package-lock.json names, unless that was done.

    Raises:
        ToolMissing: There is no Node or npm, or only an old one.
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
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        _run([npm, "ci"], folder)
        shutil.copyfile(lock, installed)


def write_typescript(document: Path, folder: Path) -> Path:
    """Write the TypeScript client and what tsc makes of it, a package that npm can install; returns its folder."""
    tools = HERE / "typescript"
    for written in ("src", "dist"):
        shutil.rmtree(folder / written, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    if folder != tools:
        for name in ("package.json", "tsconfig.json"):
            shutil.copyfile(tools / name, folder / name)
    programs = tools / "node_modules/.bin"
    arguments = ["--input", str(document), "--output", str(folder / "src"), "--no-log-file"]
    _run([str(programs / "openapi-ts"), *arguments], tools)
    _run([str(programs / "tsc"), "--project", str(folder / "tsconfig.json")], folder)
    return folder


def _run(command: list[str], folder: Path) -> str:
    """Run one of the programs that this module names; returns what it wrote."""
    done = subprocess.run(  # noqa: S603  # no argument comes from anyone but the caller of this command
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
