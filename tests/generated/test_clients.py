"""The generated clients, and the examples of clients/README.md, against the real service."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.proxies import Reply, overloaded, proxying
from tests.servers import PATIENCE, ROOT, Server, run_python, serving

pytestmark = pytest.mark.slow
Run = Callable[[str], "subprocess.CompletedProcess[str]"]
LONG = 900
"""Seconds for a package manager, three generators and a compiler, which take 20 on an idle machine."""
RETRY_AFTER = 2
"""Seconds; not the service's own value, which is also the default of the example."""

KEY = "the-key-which-is-long-enough"
WITH_KEY = {"python": 0, "typescript": 1}
"""The examples that send an API key."""

REVIEWS = [["A superb and moving film", "😀 ünï <br/>"], ["a"] * 9, ["a", "b" * 1001], ["a", "  "], []]
CALLS = [
    *(("GET", path, None) for path in ("/model", "/health/live", "/health/ready")),
    *(("POST", "/predict", {"reviews": reviews}) for reviews in REVIEWS),
]
"""What the programs of both languages call."""


def responses(url: str) -> list[list[object]]:
    """The statuses and bodies that httpx gets for the same calls."""
    answers = [httpx.request(method, f"{url}{path}", json=body) for method, path, body in CALLS]
    return comparable([[answer.status_code, answer.json()] for answer in answers])


def comparable(answers: list[list[Any]]) -> list[list[object]]:
    """The same without the ids of requests, which problems contain."""
    return [[status, {name: value for name, value in body.items() if name != "request_id"}] for status, body in answers]


def substituted(code: str, url: str) -> str:
    """Insert the URL and the arguments of the calls into a program."""
    return code.replace("URL", url).replace("REVIEWS", json.dumps(REVIEWS, ensure_ascii=False))


PYTHON = """
import importlib
import json
import pkgutil

import sentiment_client
from sentiment_client import Client
from sentiment_client.api.health import get_liveness, get_readiness
from sentiment_client.api.model import get_model
from sentiment_client.api.predictions import predict
from sentiment_client.models import PredictRequest

client = Client(base_url="URL", raise_on_unexpected_status=True)
answers = [method.sync_detailed(client=client) for method in (get_model, get_liveness, get_readiness)]
answers += [predict.sync_detailed(client=client, body=PredictRequest(reviews=reviews)) for reviews in REVIEWS]
print(json.dumps([[answer.status_code, answer.parsed.to_dict()] for answer in answers]))
print(*(type(answer.parsed).__name__ for answer in answers))
modules = [module.name for module in pkgutil.walk_packages(sentiment_client.__path__, "sentiment_client.")]
print(*(importlib.import_module(module).__name__ for module in modules))
"""

TYPESCRIPT = """
import { type PredictResponse, type Problem } from "sentiment-client";
import { getLiveness, getModel, getReadiness, predict } from "sentiment-client";
import { createClient } from "sentiment-client/client";

const client = createClient({ baseUrl: "URL" });
const results: unknown[] = [];
for (const method of [getModel, getLiveness, getReadiness]) {
  const { data, response } = await method({ client });
  results.push([response.status, data]);
}
for (const reviews of REVIEWS) {
  const { data, error, response } = await predict({ client, body: { reviews } });
  const prediction: PredictResponse | undefined = data;
  const problem: Problem | undefined = error;
  const limit: number | undefined = problem?.limit;
  const locations: string[] | undefined = problem?.errors?.map((violation) => violation.location);
  const sentiment: string | undefined = prediction?.predictions[0]?.sentiment;
  results.push([response.status, prediction ?? problem, limit ?? locations ?? sentiment]);
}
console.log(JSON.stringify(results));
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both clients; without Node, only the Python one."""
    folder = tmp_path_factory.mktemp("clients")
    done = run_python("-m", "clients", "--output", str(folder), timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def run_with_python(generated: Path) -> Run:
    """Runs a program with the generated package."""
    environment = os.environ | {"PYTHONPATH": str(generated / "python/sentiment-client")}
    return lambda code: run_python("-c", code, env=environment, timeout=2 * PATIENCE)


class Project:
    """A TypeScript project that has installed the client."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self._folder = folder
        self._tools = tools

    def compile(self, **programs: str) -> subprocess.CompletedProcess[str]:
        """Check types strictly and compile; all programs at once, as the compiler takes seconds to start."""
        for name, code in programs.items():
            (self._folder / f"src/{name}.ts").write_text(code)
        return self._run(str(self._tools / "tsc"), "--project", ".")

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        compiled = self.compile(main=code)
        assert compiled.returncode == 0, compiled.stdout
        return self.node("dist/main.js")

    def node(self, argument: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run Node; `code` is written to the file that the argument names."""
        if code is not None:
            (self._folder / argument).write_text(code)
        return self._run("node", argument)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self._folder, capture_output=True, text=True, timeout=2 * PATIENCE)


@pytest.fixture
def project(node_packages: Path, generated: Path, tmp_path: Path) -> Project:
    """Linked to the client as `npm install FOLDER` links it."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/sentiment-client").symlink_to(generated / "typescript")
    (tmp_path / "src").mkdir()
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    shutil.copyfile(ROOT / "clients/typescript/tsconfig.json", tmp_path / "tsconfig.json")
    return Project(tmp_path, node_packages)


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


def test_python_client_gets_what_httpx_gets(run_with_python: Run, limited: Server) -> None:
    done = run_with_python(substituted(PYTHON, limited.url))
    assert done.returncode == 0, done.stderr
    answers, classes, modules = done.stdout.splitlines()
    assert comparable(json.loads(answers)) == responses(limited.url)
    assert classes.split() == ["ModelResponse", "Health", "Health", "PredictResponse", *["Problem"] * 4]
    document = json.loads((ROOT / "openapi.json").read_text())
    operations = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert operations <= {name.rpartition(".")[2] for name in modules.split() if ".api." in name}


def test_typescript_client_gets_what_httpx_gets(project: Project, limited: Server) -> None:
    done = project.run(substituted(TYPESCRIPT, limited.url))
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert comparable([result[:2] for result in results]) == responses(limited.url)
    assert [result[2] for result in results[3:]] == ["positive", 8, 1000, ["reviews.1"], ["reviews"]]


def test_typescript_client_makes_mistakes_visible(project: Project) -> None:
    code = example("typescript", 0)
    mistakes = {
        "text": ("body: { reviews }", "body: { reviews: 'Fine.' }"),
        "field": ("body: { reviews }", "body: { texts: reviews }"),
        "answer": ("prediction.sentiment", "prediction.feeling"),
    }
    programs = {name: code.replace(right, wrong) for name, (right, wrong) in mistakes.items()}
    messages = project.compile(right=code, **programs).stdout
    assert set(re.findall(r"^src/(\w+)\.ts\(\d+,\d+\): error TS", messages, re.MULTILINE)) == mistakes.keys()


@pytest.fixture(params=["python", "typescript"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(language: str, request: pytest.FixtureRequest) -> Run:
    python = language == "python"
    run: Run = request.getfixturevalue("run_with_python") if python else request.getfixturevalue("project").run
    return run


@pytest.fixture(scope="module")
def guarded(models: Path) -> Iterator[Server]:
    with serving(model_dir=models, runtime="numpy", api_keys=KEY) as server:
        yield server


def test_typescript_example_waits_for_an_overloaded_service(project: Project, server: Server) -> None:
    """It waits as long as Retry-After says, and gives up after the given number of tries."""
    limit = Reply(429, b"", {"Retry-After": str(RETRY_AFTER)})
    with proxying(server.url, [*[overloaded(str(RETRY_AFTER))] * 2, limit]) as proxy:
        failed = project.run(example("typescript", 0, url=proxy.url, tries="2"))
        assert failed.returncode == 1
        assert "Error: 503 after 2 tries" in failed.stderr
        assert "/problems/overloaded" in failed.stderr
        succeeded = project.run(example("typescript", 0, url=proxy.url))
    assert succeeded.returncode == 0, succeeded.stderr
    assert [line.split()[0] for line in succeeded.stdout.splitlines()] == ["positive", "negative"]
    first, second, third, fourth = (request.time for request in proxy.received)
    assert min(second - first, fourth - third) >= RETRY_AFTER - 0.1  # timers of Node may be a little early


def test_example_sends_the_key_and_prints_the_problem(language: str, run: Run, guarded: Server) -> None:
    code = example(language, WITH_KEY[language], url=guarded.url)
    assert "401 /problems/unauthorized" in run(code).stdout
    code = code.replace("the key", KEY)
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert "422 /problems/review-too-long" in done.stdout
    assert "limit: 50000 received: 60000 review: 1" in done.stdout
    if language == "python":
        predictions = run(code.replace(" * 6_000", "")).stdout
        assert re.fullmatch(r"((positive|negative) 0\.\d+\n){2}", predictions)
    blank = code.replace('"Fine."', '" "').replace(" * 6_000", "").replace(".repeat(6_000)", "")
    assert "reviews.0 A review must contain text" in run(blank).stdout


@pytest.mark.parametrize(("language", "number"), [("python", 0), ("typescript", 0), ("typescript", 1)])
def test_example_fails_with_the_reason_if_nothing_listens(language: str, number: int, run: Run, free_port: int) -> None:
    done = run(example(language, number, url=f"http://127.0.0.1:{free_port}"))
    assert {"python": "httpx.ConnectError", "typescript": "ECONNREFUSED"}[language] in done.stderr
    assert done.returncode == 1
    assert "undefined" not in done.stdout + done.stderr
