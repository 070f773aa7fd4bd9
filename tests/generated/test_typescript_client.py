"""The TypeScript client that Hey API makes, type-checked and run by Node against the real service."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.generated.examples import assert_retries, example
from tests.servers import PATIENCE, ROOT, Server, serving

ASK = """
import { type PredictResponse, type Problem, getLiveness, getModel, getReadiness, predict } from "sentiment-client";
import { createClient } from "sentiment-client/client";

const client = createClient({ baseUrl: "URL" });
const results: unknown[] = [];
for (const reviews of REVIEWS) {
  const { data, error, response } = await predict({ client, body: { reviews } });
  const prediction: PredictResponse | undefined = data;
  const problem: Problem | undefined = error;
  const limit: number | undefined = problem?.limit;
  const locations: string[] | undefined = problem?.errors?.map((violation) => violation.location);
  const sentiment: "positive" | "negative" | undefined = prediction?.predictions[0]?.sentiment;
  results.push({ status: response.status, body: prediction ?? problem, limit, locations, sentiment });
}
for (const method of [getModel, getLiveness, getReadiness]) {
  results.push((await method({ client })).data);
}
console.log(JSON.stringify(results));
"""


INFER = """
import { type ProtocolError, infer } from "sentiment-client";
import { createClient } from "sentiment-client/client";

const client = createClient({ baseUrl: "URL" });
for (const model_name of ["MODEL", "nothing"]) {
  const { data, error, response } = await infer({ client, path: { model_name }, body: BODY });
  const problem: ProtocolError | undefined = error;
  console.log(JSON.stringify([response.status, data ?? problem]));
}
"""


class Project:
    """A TypeScript project that has installed the client.

    Args:
        folder: Where it lies.
        tools: The programs of clients/typescript.
    """

    def __init__(self, folder: Path, tools: Path) -> None:
        self._folder = folder
        self._tools = tools

    def check(self, **programs: str) -> subprocess.CompletedProcess[str]:
        """Type-check programs strictly and make JavaScript of them: at once, as the compiler takes seconds to start."""
        for name, code in programs.items():
            (self._folder / f"src/{name}.ts").write_text(code)
        return self._run(str(self._tools / "tsc"), "--project", ".")

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        """Make JavaScript of a program and run it."""
        checked = self.check(main=code)
        assert checked.returncode == 0, checked.stdout
        return self._run("node", "dist/main.js")

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


def ask(project: Project, server: Server, reviews: list[list[str]]) -> list[Any]:
    done = project.run(ASK.replace("URL", server.url).replace("REVIEWS", json.dumps(reviews)))
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


def test_typescript_client_gets_what_httpx_gets(project: Project, server: Server) -> None:
    reviews = ["A superb and moving film", "A dull waste of time", "😀 ünï <br/>"]
    predicted, *others = ask(project, server, [reviews])
    assert predicted["status"] == 200
    assert predicted["body"] == httpx.post(f"{server.url}/predict", json={"reviews": reviews}).json()
    assert predicted["sentiment"] == "positive"
    assert others == [httpx.get(f"{server.url}{path}").json() for path in ("/model", "/health/live", "/health/ready")]


def test_typescript_client_speaks_the_open_inference_protocol(project: Project, server: Server) -> None:
    """Whose bodies are of two kinds, and whose errors have another shape."""
    model = httpx.get(f"{server.url}/model").json()["name"]
    body = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["A superb film"]}]}
    done = project.run(INFER.replace("URL", server.url).replace("MODEL", model).replace("BODY", json.dumps(body)))
    assert done.returncode == 0, done.stderr
    expected = [httpx.post(f"{server.url}/v2/models/{name}/infer", json=body).json() for name in (model, "nothing")]
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[200, expected[0]], [404, expected[1]]]


def test_typescript_client_reads_a_422(project: Project, limited: Server) -> None:
    wrong = [["a"] * 9, ["a", "b" * 1001], ["a", "  "], []]
    many, long, blank, none, *_ = ask(project, limited, wrong)
    for reviews, result in zip(wrong, (many, long, blank, none), strict=True):
        assert result["status"] == 422
        assert result["body"] == httpx.post(f"{limited.url}/predict", json={"reviews": reviews}).json()
    assert many["limit"] == 8
    assert (long["body"]["received"], long["body"]["index"]) == (1001, 1)
    assert blank["locations"] == ["reviews.1"]


def test_typescript_example_waits_for_an_overloaded_service(project: Project, server: Server) -> None:
    assert_retries(server, lambda url, tries: project.run(example("typescript", 0, url, tries)))


def test_typescript_example_prints_what_was_wrong(project: Project, server: Server, limited: Server) -> None:
    done = project.run(example("typescript", 1, server.url))
    assert done.returncode == 0, done.stderr
    assert "422 urn:problem-type:sentiment:review-too-long" in done.stdout
    assert "limit: 50000 received: 60000 review: 1" in done.stdout
    blank = example("typescript", 1, limited.url).replace('"Fine."', '" "').replace(".repeat(6_000)", "")
    assert "reviews.0 A review must contain text" in project.run(blank).stdout


def test_typescript_example_sends_the_key(project: Project, models: Path) -> None:
    with serving(model_dir=models, runtime="litert", api_keys="the-key-which-is-long-enough") as server:
        without = project.run(example("typescript", 0, server.url))
        assert "Error: 401 after 1 tries" in without.stderr
        code = example("typescript", 1, server.url).replace("the key", "the-key-which-is-long-enough")
        assert "422 urn:problem-type:sentiment:review-too-long" in project.run(code).stdout


def test_typescript_example_gives_up_on_a_service_that_is_not_there(project: Project, free_port: int) -> None:
    code = example("typescript", 0, f"http://127.0.0.1:{free_port}")
    assert "ECONNREFUSED" in project.run(code).stderr


def test_typescript_client_makes_mistakes_visible(project: Project) -> None:
    code = example("typescript", 0)
    mistakes = {
        "text": ("body: { reviews }", "body: { reviews: 'Fine.' }"),
        "field": ("body: { reviews }", "body: { texts: reviews }"),
        "answer": ("prediction.sentiment", "prediction.feeling"),
    }
    programs = {name: code.replace(right, wrong) for name, (right, wrong) in mistakes.items()}
    complaints = project.check(right=code, **programs).stdout
    assert set(re.findall(r"^src/(\w+)\.ts\(\d+,\d+\): error TS", complaints, re.MULTILINE)) == mistakes.keys()
