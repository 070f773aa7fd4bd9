"""The generated TypeScript client, type-checked and run by Node against the real service."""

import json
import re

from tests.generated.conftest import Project, responses, substituted
from tests.generated.examples import example
from tests.servers import Server

CALL = """
import { type PredictResponse, type Problem, type ProtocolError } from "sentiment-client";
import { getLiveness, getModel, getReadiness, infer, predict } from "sentiment-client";
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
  const sentiment: "positive" | "negative" | undefined = prediction?.predictions[0]?.sentiment;
  results.push([response.status, prediction ?? problem, limit ?? locations ?? sentiment]);
}
for (const model_name of ["tiny", "nothing"]) {
  const { data, error, response } = await infer({ client, path: { model_name }, body: { inputs: [TENSOR] } });
  const problem: ProtocolError | undefined = error;
  results.push([response.status, data ?? problem]);
}
console.log(JSON.stringify(results));
"""


def test_typescript_client_gets_what_httpx_gets(project: Project, limited: Server) -> None:
    done = project.run(substituted(CALL, limited.url))
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [result[:2] for result in results] == responses(limited.url)
    assert [result[2] for result in results[3:8]] == ["positive", 8, 1000, ["reviews.1"], ["reviews"]]


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
