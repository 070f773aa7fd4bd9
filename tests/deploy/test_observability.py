"""Alerts, dashboard, autoscaling and the runbook use metrics that the real service exposes."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are no requirement of this project
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.kustomize import render
from tests.servers import ROOT, Server

PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"
KSERVE = ROOT / "deploy/kserve"
ADAPTER = ROOT / "deploy/kubernetes/components/queue-autoscaling/prometheus-adapter.yaml"
RUNBOOK = (ROOT / "docs/operations.md").read_text()
MADE_BY_PROMETHEUS = {"up", "ALERTS"}
OPERATORS = {"and", "or", "unless", "bool", "offset"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
HISTOGRAMS = {
    "positive_probability": "sentiment_positive_probability",
    "words": "sentiment_review_words",
    "unknown_share": "sentiment_unknown_share",
}
"""Feature of a bundle's profile -> the histogram that is compared with it."""


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


PREDICTING = {
    path for path, methods in json.loads((ROOT / "openapi.json").read_text())["paths"].items() if "post" in methods
}
RULES: list[dict[str, Any]] = [rule for group in load(PROMETHEUS / "alerts.yml")["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
CHARTS = [panel for panel in PANELS if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}


def expressions(node: Any) -> Iterator[str]:
    """Every PromQL expression of a dashboard, including those of its annotations."""
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from expressions(child)


RULE_EXPRESSIONS = sorted({rule["expr"] for rule in RULES})
PANEL_EXPRESSIONS = sorted(set(expressions(DASHBOARD)))


def metric_names(expression: str) -> set[str]:
    """The metrics that an expression reads: what is left of it without labels, ranges, functions and operators."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"(?<![\w:.])[A-Za-z_:][\w:]*\b(?!\s*\()", bare)) - OPERATORS


def selectors(expression: str) -> list[tuple[str, str]]:
    """Metric and matchers of each selector with braces, with the dashboard's variables at their defaults."""
    for name in ("instance", "route"):
        expression = expression.replace(f"${name}", VARIABLES[name]["allValue"])
    return re.findall(r"([\w:]+)\{([^}]*)\}", expression)


def selects(matchers: str, labels: Mapping[str, str]) -> bool:
    for name, operator, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers):
        pattern = value if "~" in operator else re.escape(value)
        if bool(re.fullmatch(pattern, labels.get(name, ""))) == operator.startswith("!"):
            return False
    return True


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool: `apt-get install prometheus` brings it, as does every release of Prometheus")
    return found


@pytest.fixture(scope="module")
def scrape(server: Server) -> str:
    """What Prometheus gets from the real service after a few requests."""
    httpx.post(f"{server.url}/predict", json={"reviews": ["A superb film."]}).raise_for_status()
    for route in PREDICTING:
        path = route.format(model_name="tiny", model_version="1")
        assert httpx.post(f"{server.url}{path}", json={}).status_code in (400, 422)
    for path in ("/", "/model", "/health/live", "/nowhere"):
        httpx.get(f"{server.url}{path}")
    return httpx.get(f"{server.url}/metrics").raise_for_status().text


@pytest.fixture(scope="module")
def families(scrape: str) -> dict[str, Metric]:
    found = {family.name: family for family in text_string_to_metric_families(scrape)}
    return {name: family for name, family in found.items() if name.startswith("sentiment_")}


@pytest.fixture(scope="module")
def exposed(families: dict[str, Metric]) -> set[str]:
    """The names by which Prometheus knows the service's metrics."""
    return {name + suffix for name, family in families.items() for suffix in SUFFIXES[family.type]}


def run(command: list[str], text: str | None = None) -> None:
    done = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"],
        ["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"],
        pytest.param(["test", "rules", "alerts.test.yml"], marks=pytest.mark.slow),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_promtool_accepts(promtool: str, arguments: list[str]) -> None:
    run([promtool, *arguments[:-1], str(PROMETHEUS / arguments[-1])])


def test_promtool_accepts_the_scrape(promtool: str, scrape: str) -> None:
    # It reserves the label `le` for histograms, and a profile has to be matched with one.
    lines = [line for line in scrape.splitlines(keepends=True) if "sentiment_training_share" not in line]
    run([promtool, "check", "metrics"], "".join(lines))


def test_promtool_accepts_the_dashboards_expressions(promtool: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"expression:{i}", "expr": expression.replace("$__rate_interval", "1m")}
        for i, expression in enumerate(PANEL_EXPRESSIONS)
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run([promtool, "check", "rules", str(tmp_path / "rules.yml")])


@pytest.mark.parametrize("name", ALERTS)
def test_alert_is_documented_and_tested(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["for"]
    assert alert["annotations"]["summary"]
    assert "$value" in alert["annotations"]["description"]
    assert alert["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
    assert re.search(rf"^### {name}$", RUNBOOK, re.MULTILINE)
    cases = [case for test in load(PROMETHEUS / "alerts.test.yml")["tests"] for case in test.get("alert_rule_test", [])]
    assert any(case["alertname"] == name and case["exp_alerts"] for case in cases)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (le) (rate(a_bucket{b=~"c|d"}[5m])) > bool 0.5', {"a_bucket"}),
        ("job:a:ratio_rate5m > 14.4 * 0.001 and on (job) 2e3 * b_total offset 6h", {"job:a:ratio_rate5m", "b_total"}),
        ("(sum(a) or vector(0)) == 0", {"a"}),
    ],
)
def test_metric_names(expression: str, names: set[str]) -> None:
    assert metric_names(expression) == names


def test_rules_and_dashboard_read_exactly_the_metrics_that_exist(exposed: set[str]) -> None:
    read = set().union(*map(metric_names, (*RULE_EXPRESSIONS, *PANEL_EXPRESSIONS)))
    assert read <= exposed | RECORDED | MADE_BY_PROMETHEUS
    assert read >= {name for name in exposed if not name.endswith(("_sum", "_count"))} | RECORDED


@pytest.mark.parametrize("expression", [*RULE_EXPRESSIONS, *PANEL_EXPRESSIONS])
def test_selectors_match_series_from_the_start(families: dict[str, Metric], expression: str) -> None:
    """A counter that only appears with its first event hides that event from `rate` and `increase`."""
    samples = [sample for family in families.values() for sample in family.samples]
    for metric, matchers in selectors(expression):
        if metric not in RECORDED | MADE_BY_PROMETHEUS:
            assert any(
                sample.name == metric and selects(matchers, {"job": "sentiment", **sample.labels}) for sample in samples
            ), f"{metric}{{{matchers}}}"


@pytest.mark.parametrize("expression", [*RULE_EXPRESSIONS, *PANEL_EXPRESSIONS])
def test_selected_routes_are_those_that_predict(families: dict[str, Metric], expression: str) -> None:
    """All of them or, for latency, all but explanations, which are slow by nature."""
    routes = {sample.labels["route"] for sample in families["sentiment_http_requests"].samples}
    assert routes > PREDICTING
    expected = {path for path in PREDICTING if "duration_seconds" not in expression or not path.endswith("explain")}
    for _, matchers in selectors(expression):
        about_routes = ",".join(re.findall(r'\broute(?:=~|!~|!=|=)"[^"]*"', matchers))
        if about_routes:
            assert {route for route in routes if selects(about_routes, {"route": route})} == expected


def test_rules_select_the_routes_of_requests() -> None:
    """Otherwise health checks and scrapes would dilute the share of failures."""
    for expression in RULE_EXPRESSIONS:
        selecting = re.findall(r"\bsentiment_http_\w+\{[^}]*\broute", expression)
        assert len(selecting) == expression.count("sentiment_http_")


def test_training_shares_can_be_compared_with_the_histograms(families: dict[str, Metric]) -> None:
    for feature, histogram in HISTOGRAMS.items():
        shares = {
            sample.labels["le"]: sample.value
            for sample in families["sentiment_training_share"].samples
            if sample.labels["feature"] == feature
        }
        buckets = [sample for sample in families[histogram].samples if sample.name.endswith("_bucket")]
        assert list(shares) == [bucket.labels["le"] for bucket in buckets]
        assert sorted(shares.values()) == list(shares.values())
        assert shares["+Inf"] == 1


def test_runbook_lists_the_metrics(families: dict[str, Metric]) -> None:
    rows = re.findall(r"^\| `(sentiment_\w+)` \| (counter|gauge|histogram) \|", RUNBOOK, re.MULTILINE)
    assert dict(rows) == {
        name + ("_total" if family.type == "counter" else ""): family.type for name, family in families.items()
    }


def test_runbook_names_rules_that_are_recorded() -> None:
    named = set(re.findall(r"\b\w+:sentiment_\w+:\w+", RUNBOOK))
    assert named
    assert named <= RECORDED


def test_autoscaler_reads_a_metric_with_one_series_per_replica(families: dict[str, Metric]) -> None:
    (rule,) = load(ADAPTER)["rules"]["custom"]
    (sample,) = families[rule["seriesQuery"].partition("{")[0]].samples
    assert sample.labels == {}


def test_dashboard_panels_have_unique_ids() -> None:
    identifiers = [panel["id"] for panel in PANELS]
    assert len(set(identifiers)) == len(identifiers)


def test_dashboard_panels_do_not_overlap() -> None:
    for panel in PANELS:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24, panel["title"]
    for one, other in combinations(PANELS, 2):
        a, b = one["gridPos"], other["gridPos"]
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or below, f"{one['title']} covers {other['title']}"


@pytest.mark.parametrize("panel", CHARTS, ids=lambda panel: panel["title"])
def test_dashboard_panel_has_a_description_a_unit_and_the_chosen_replicas(panel: dict[str, Any]) -> None:
    assert panel["description"]
    options = panel["options"].get("yAxis", panel["fieldConfig"]["defaults"])
    assert "unit" in options or panel["type"] == "table"
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        assert target["expr"].count('instance=~"$instance"') == len(selectors(target["expr"]))
        assert {metric for metric, _ in selectors(target["expr"])} == metric_names(target["expr"])


def test_dashboard_has_its_variables() -> None:
    assert list(VARIABLES) == ["datasource", "instance", "route"]
    offered = VARIABLES["route"]["regex"].strip("/")
    assert all(re.search(offered, route) for route in PREDICTING)


def test_prometheus_scrapes_the_service_that_the_alerts_are_about() -> None:
    [job] = load(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    [discovery] = job["dns_sd_configs"]
    assert set(discovery["names"]) <= set(load(ROOT / "docker-compose.yml")["services"])
    jobs = {name for rule in RULES for name in re.findall(r'\bjob="([^"]*)"', rule["expr"])}
    assert jobs == {job["job_name"]}


@pytest.mark.parametrize("mode", ["standard", "knative"])
def test_monitor_for_kserve_finds_the_pods_and_names_the_job(mode: str) -> None:
    service, monitor = sorted(render(KSERVE / "monitoring"), key=lambda resource: str(resource["kind"]))
    served = {resource["kind"]: resource for resource in render(KSERVE / mode)}
    name = served["InferenceService"]["metadata"]["name"]
    assert service["spec"]["selector"] == {"serving.kserve.io/inferenceservice": name}
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,), (port,) = monitor["spec"]["endpoints"], service["spec"]["ports"]
    (container,) = served["ServingRuntime"]["spec"]["containers"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert str(port["targetPort"]) == variables["SENTIMENT_METRICS_PORT"]
    [job] = load(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    assert (endpoint["port"], endpoint["path"]) == (port["name"], job["metrics_path"])
    (relabeling,) = endpoint["relabelings"]
    assert (relabeling["targetLabel"], relabeling["replacement"]) == ("job", job["job_name"])


def test_grafana_is_provisioned_with_one_prometheus_and_one_folder() -> None:
    [source] = load(GRAFANA / "provisioning/datasources/prometheus.yml")["datasources"]
    assert urlsplit(source["url"]).hostname == "prometheus"
    assert source["jsonData"]["timeInterval"] == load(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    [provider] = load(GRAFANA / "provisioning/dashboards/sentiment.yml")["providers"]
    assert provider["options"]["path"].startswith("/")
