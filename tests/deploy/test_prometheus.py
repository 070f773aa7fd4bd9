"""A real Prometheus scrapes the real service and evaluates the rules."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are not a requirement of this project

from app.settings import Settings
from tests.deploy.test_observability import PROMETHEUS, RECORDED, RULES
from tests.servers import PATIENCE, running, serving, wait_until

PROGRAM = shutil.which("prometheus", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/bin"]))
RUNBOOK = "https://runbooks.example.com/sentiment"
REVIEWS = 1_500
"""More than the 1,000 per hour that drift needs."""

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no prometheus: `apt-get install prometheus`"),
    pytest.mark.slow,
]


@contextmanager
def prometheus(folder: Path, **targets: str) -> Iterator[httpx.Client]:
    """Run Prometheus, which scrapes a target for each environment; yields a client of its API."""
    assert PROGRAM is not None
    static = [{"targets": [address], "labels": {"environment": name}} for name, address in targets.items()]
    configuration = {
        "global": {
            "scrape_interval": "1s",
            "evaluation_interval": "1s",
            "external_labels": {"runbook": RUNBOOK},
        },
        "rule_files": [str(PROMETHEUS / "alerts.yml")],
        "scrape_configs": [{"job_name": "sentiment", "static_configs": static}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with running([PROGRAM, *options, "--web.listen-address=127.0.0.1:0"]) as server:
        address = server.wait_for(r'msg="Listening on" address=([\d.:]+)')[1]
        server.wait_for("Server is ready to receive web requests")
        with httpx.Client(base_url=f"http://{address}/api/v1/", timeout=PATIENCE) as client:
            yield client


def get(client: httpx.Client, path: str, **parameters: str) -> Any:
    return client.get(path, params=parameters).raise_for_status().json()["data"]


def query(client: httpx.Client, expression: str) -> list[tuple[dict[str, str], float]]:
    """Evaluate an expression now; returns labels and values."""
    return [(each["metric"], float(each["value"][1])) for each in get(client, "query", query=expression)["result"]]


def test_rules_have_values_for_the_running_service(tmp_path: Path, free_port: int) -> None:
    batch = ["One of the best films I have seen.", "What a dull and boring mess!"] * 25
    assert len(batch) <= Settings.model_construct().max_reviews
    with (
        serving(runtime="numpy") as service,
        prometheus(
            tmp_path, production=service.url.removeprefix("http://"), staging=f"127.0.0.1:{free_port}"
        ) as client,
    ):
        # `increase` only sees what happens after the first scrape.
        wait_until(lambda: len(query(client, "sentiment_reviews_total")) > 0)
        for _ in range(REVIEWS // len(batch)):
            httpx.post(f"{service.url}/predict", json={"reviews": batch}).raise_for_status()
        wait_until(lambda: query(client, "sum(sentiment_reviews_total)")[0][1] == REVIEWS)

        def recorded() -> set[str]:
            found = query(client, 'group by (__name__) ({__name__=~".+:.+",environment="production",job="sentiment"})')
            return {labels["__name__"] for labels, _ in found}

        wait_until(lambda: recorded() == RECORDED)

        def rules() -> list[dict[str, Any]]:
            return [rule for group in get(client, "rules")["groups"] for rule in group["rules"]]

        wait_until(lambda: "unknown" not in {rule["health"] for rule in rules()})
        assert len(rules()) == len(RULES)
        assert [rule for rule in rules() if rule["health"] != "ok"] == []

        def alerts(environment: str) -> dict[str, dict[str, str]]:
            """The annotations of the alerts that are pending, by name."""
            return {
                alert["labels"]["alertname"]: alert["annotations"]
                for alert in get(client, "alerts")["alerts"]
                if alert["labels"]["environment"] == environment
            }

        # Two texts, again and again, are not like the training reviews.
        wait_until(lambda: alerts("production").keys() == {"SentimentDrift"})
        wait_until(lambda: alerts("staging").keys() == {"SentimentNoReadyWorker", "SentimentTargetDown"})
        assert alerts("staging")["SentimentNoReadyWorker"]["runbook_url"] == f"{RUNBOOK}#sentimentnoreadyworker"
