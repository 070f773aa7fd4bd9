"""Alerts, recording rules, dashboard and runbook agree with the metrics of the real service."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are not a requirement of this project
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from app.api.routing import PredictionRoute
from app.main import create_app
from app.settings import Settings
from tests.models import NEWEST
from tests.servers import ROOT, serving

PROMETHEUS = ROOT / "deploy/prometheus"
TESTS = sorted(PROMETHEUS.glob("alerts*.test.yml"))
GRAFANA = ROOT / "deploy/grafana"
ADAPTER = ROOT / "deploy/kubernetes/components/queue-autoscaling/prometheus-adapter.yaml"
RUNBOOK = (ROOT / "docs/how-to/runbook.md").read_text()
METRICS = (ROOT / "docs/reference/metrics.md").read_text()
BUILT_IN = {"up", "ALERTS", "process_start_time_seconds"}
OPERATORS = {"and", "or", "unless", "bool", "offset"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
RULES: list[dict[str, Any]] = [rule for group in load(PROMETHEUS / "alerts.yml")["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
RULE_EXPRESSIONS = sorted({rule["expr"] for rule in RULES})
QUERIES = [*(target for panel in PANELS for target in panel.get("targets", [])), *DASHBOARD["annotations"]["list"]]
PANEL_EXPRESSIONS = sorted({query["expr"] for query in QUERIES if "expr" in query})
EXPRESSIONS = (*RULE_EXPRESSIONS, *PANEL_EXPRESSIONS)


def metric_names(expression: str) -> set[str]:
    """Return the metrics of an expression: what remains without labels, ranges, functions and operators."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"(?<![\w:.])[A-Za-z_:][\w:]*\b(?!\s*\()", bare)) - OPERATORS


def selectors(expression: str) -> list[tuple[str, str]]:
    """Return the metric and matchers of each selector with braces, with the defaults of the dashboard's variables."""
    for name in ("environment", "namespace", "instance", "route"):
        expression = expression.replace(f"${name}", VARIABLES[name]["allValue"])
    return re.findall(r"([\w:]+)\{([^}]*)\}", expression)


def matches(matchers: str, labels: Mapping[str, str]) -> bool:
    for name, operator, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers):
        pattern = value if "~" in operator else re.escape(value)
        if bool(re.fullmatch(pattern, labels.get(name, ""))) == operator.startswith("!"):
            return False
    return True


@pytest.fixture(scope="module")
def predicting() -> set[str]:
    """Paths that predict or explain."""
    return {route.path for route in create_app(Settings()).routes if isinstance(route, PredictionRoute)}


@pytest.fixture(scope="module")
def scrape(predicting: set[str]) -> str:
    """The metrics of the real service after a few requests."""
    with serving(runtime="numpy") as server, httpx.Client(base_url=server.url) as client:
        client.post("/predict", json={"reviews": ["A superb film."]}).raise_for_status()
        for route in predicting:
            path = route.format(model_name="imdb", model_version=NEWEST)
            assert client.post(path, json={}).status_code in (400, 422)
        for path in ("/", "/model", "/health/live", "/nowhere"):
            client.get(path)
        return client.get("/metrics").raise_for_status().text


@pytest.fixture(scope="module")
def families(scrape: str) -> dict[str, Metric]:
    families = {family.name: family for family in text_string_to_metric_families(scrape)}
    return {name: family for name, family in families.items() if name.startswith("sentiment_")}


def promtool(*arguments: str | Path, stdin: str | None = None) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool: `apt-get install prometheus`")
    done = subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_rules_configuration_dashboard_and_metrics(tmp_path: Path, scrape: str) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", PROMETHEUS / "alerts.yml")
    promtool("check", "config", "--lint=all", "--lint-fatal", PROMETHEUS / "prometheus.yml")
    rules = [
        {"record": f"expression:{i}", "expr": expression.replace("$__rate_interval", "1m")}
        for i, expression in enumerate(PANEL_EXPRESSIONS)
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "rules.yml")
    # It reserves the label `le` for histograms; training shares need it to be compared with one.
    lines = [line for line in scrape.splitlines(keepends=True) if "sentiment_training_share" not in line]
    promtool("check", "metrics", stdin="".join(lines))


@pytest.mark.slow
def test_alerts_are_raised_and_resolved() -> None:
    promtool("test", "rules", *TESTS)


@pytest.mark.parametrize(("half", "raised"), [(60, False), (70, True)])
def test_alert_of_a_canary_compares_the_distributions(tmp_path: Path, half: int, raised: bool) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", PROMETHEUS / "canary.yml")
    series = [
        {
            "series": f'sentiment_positive_probability_{start}namespace="{namespace}",job="{job}"}}',
            "values": f"0+{step}x120",
        }
        for namespace, job, below in (
            ("production", "sentiment", 50),
            ("production", "sentiment-canary", half),
            ("staging", "sentiment", 20),  # differs from both
        )
        for start, step in {'bucket{le="0.5",': below, 'bucket{le="+Inf",': 100, "count{": 100}.items()
    ]  # 100 reviews per minute, of which some have a probability of at most 0.5
    expected = {
        "expr": 'count by (namespace) (ALERTS{alertstate="firing"})',
        "eval_time": "2h",
        "exp_samples": [{"labels": '{namespace="production"}', "value": 1}] if raised else [],
    }
    case = {"interval": "1m", "input_series": series, "promql_expr_test": [expected]}
    rules = {"rule_files": [str(PROMETHEUS / "canary.yml")], "tests": [case]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(rules))
    promtool("test", "rules", tmp_path / "test.yml")


def test_alerts_are_documented_and_tested() -> None:
    """The tests show that an alert's annotations have the right values."""
    names = {rule["alert"] for rule in RULES if "alert" in rule}
    assert names == set(re.findall(r"^### (Sentiment\w+)$", RUNBOOK, re.MULTILINE))
    tests = [test for path in TESTS for test in load(path)["tests"]]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    assert names == {case["alertname"] for case in cases if case["exp_alerts"]}


def test_rules_dashboard_and_autoscaler_read_the_metrics_that_exist(families: dict[str, Metric]) -> None:
    exposed = {name + suffix for name, family in families.items() for suffix in SUFFIXES[family.type]}
    read = set().union(*map(metric_names, EXPRESSIONS))
    assert read <= exposed | RECORDED | BUILT_IN
    assert read >= {name for name in exposed if not name.endswith(("_sum", "_count"))} | RECORDED
    (rule,) = load(ADAPTER)["rules"]["custom"]
    (sample,) = families[rule["seriesQuery"].partition("{")[0]].samples
    assert sample.labels == {}  # one series per replica


def test_selectors_match_series_from_the_start(families: dict[str, Metric]) -> None:
    """A counter that only appears with its first event hides that event from `rate` and `increase`."""
    samples = [sample for family in families.values() for sample in family.samples]
    for metric, matchers in set().union(*map(selectors, EXPRESSIONS)):
        if metric not in RECORDED | BUILT_IN:
            assert any(
                sample.name == metric and matches(matchers, {"job": "sentiment", **sample.labels}) for sample in samples
            ), f"{metric}{{{matchers}}}"


def test_selected_routes_are_those_that_predict(families: dict[str, Metric], predicting: set[str]) -> None:
    """All of them, or all but explanations for latency; without health checks, which would dilute failures."""
    routes = {sample.labels["route"] for sample in families["sentiment_http_requests"].samples}
    assert routes > predicting
    for expression in EXPRESSIONS:
        expected = {path for path in predicting if "duration_seconds" not in expression or not path.endswith("explain")}
        for metric, matchers in selectors(expression):
            of_route = ",".join(re.findall(r'\broute(?:=~|!~|!=|=)"[^"]*"', matchers))
            if of_route:
                assert {route for route in routes if matches(of_route, {"route": route})} == expected, expression
            else:
                assert expression not in RULE_EXPRESSIONS or not metric.startswith("sentiment_http_"), expression


def test_runbook_lists_the_metrics_and_names_recorded_rules(families: dict[str, Metric]) -> None:
    rows = re.findall(r"^\| `(sentiment_\w+)` \| (counter|gauge|histogram) \|", METRICS, re.MULTILINE)
    assert dict(rows) == {
        name + ("_total" if family.type == "counter" else ""): family.type for name, family in families.items()
    }
    named = set(re.findall(r"\b\w+:sentiment_\w+:\w+", METRICS + RUNBOOK))
    assert named
    assert named <= RECORDED
