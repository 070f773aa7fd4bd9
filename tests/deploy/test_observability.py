"""The alerts and the dashboard: whole, tested, and about metrics that the real service exposes."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are no requirement of this project
from app.routes import EXPLAIN, INFER, PREDICTIONS, ROUTES, TENSORFLOW_EXPLAIN, TENSORFLOW_PREDICT
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.deploy.kustomize import render
from tests.servers import ROOT, serving

PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"
KSERVE = ROOT / "deploy/kserve"
SEEN_BEFORE_DRIFT = 1000
"""Reviews; the drift's metric is absent until then."""

MADE_BY_PROMETHEUS = {"up", "ALERTS"}
OPERATORS = {"and", "or", "unless", "bool", "offset"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


RULES: list[dict[str, Any]] = [rule for group in loaded(PROMETHEUS / "alerts.yml")["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
CHARTS = [panel for panel in PANELS if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}


def expressions(node: Any) -> Iterator[str]:
    """Every PromQL expression of a dashboard, its annotations' included."""
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from expressions(child)


def metric_names(expression: str) -> set[str]:
    """The metrics that an expression reads: what is left of it without labels, ranges, functions and operators."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"(?<![\w:.])[A-Za-z_:][\w:]*\b(?!\s*\()", bare)) - OPERATORS


def selectors(expression: str) -> list[str]:
    """What stands in the braces of an expression."""
    braces: list[str] = re.findall(r"\{([^}]*)\}", expression)
    return braces


def routes_of(selector: str) -> set[str]:
    """The routes that a selector lets through; the dashboard's variable stands for all that it offers."""
    found = set(ROUTES)
    for operator, value in re.findall(r'\broute(=~|!~|!=|=)"([^"]*)"', selector):
        pattern = VARIABLES["route"]["allValue"] if value == "$route" else value
        pattern = pattern if "~" in operator else re.escape(pattern)
        found = {route for route in found if bool(re.fullmatch(pattern, route)) != operator.startswith("!")}
    return found


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool: `apt-get install prometheus` brings it, as does every release of Prometheus")
    return found


@pytest.fixture(scope="module")
def scrape(models: Path) -> str:
    """What the real service tells Prometheus after good requests and a bad one."""
    with serving(model_dir=models) as server:
        for _ in range(-(-SEEN_BEFORE_DRIFT // 100)):
            reviews = ["A wonderful film with an unheardofword in it."] * 100
            httpx.post(f"{server.url}/predict", json={"reviews": reviews}).raise_for_status()
        assert httpx.post(f"{server.url}/predict", json={"reviews": []}).status_code == 422
        assert httpx.post(f"{server.url}/v2/models/tiny/infer", json={"inputs": []}).status_code == 400
        response = httpx.get(f"{server.url}/metrics")
        assert response.status_code == 200, f"GET /metrics answers {response.status_code}: {response.text}"
        return response.text


@pytest.fixture(scope="module")
def exposed(scrape: str) -> set[str]:
    """The names by which Prometheus knows the service's metrics."""
    families = list(text_string_to_metric_families(scrape))
    return {family.name + suffix for family in families for suffix in SUFFIXES.get(family.type, ("",))}


@pytest.fixture(scope="module")
def samples(scrape: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(scrape) for sample in family.samples]


def run(command: list[str], text: str | None = None) -> None:
    done = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"],
        ["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"],
        ["test", "rules", "alerts.test.yml"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_promtool_accepts(promtool: str, arguments: list[str]) -> None:
    run([promtool, *arguments[:-1], str(PROMETHEUS / arguments[-1])])


def test_promtool_accepts_the_scrape(promtool: str, scrape: str) -> None:
    run([promtool, "check", "metrics"], scrape)


def test_promtool_accepts_the_dashboards_expressions(promtool: str, tmp_path: Path) -> None:
    found = sorted({expression.replace("$__rate_interval", "1m") for expression in expressions(DASHBOARD)})
    rules = [{"record": f"expression:{i}", "expr": expression} for i, expression in enumerate(found)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run([promtool, "check", "rules", str(tmp_path / "rules.yml")])


@pytest.mark.parametrize("name", ALERTS)
def test_alert_tells_what_a_woken_person_needs(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["for"]
    assert alert["annotations"]["summary"]
    assert "$value" in alert["annotations"]["description"]
    assert alert["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"


def test_alerts_have_chapters_in_the_runbook() -> None:
    chapters = re.findall(r"^#+ (\w+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert set(ALERTS) <= set(chapters)


@pytest.mark.parametrize("name", ALERTS)
def test_alert_is_tested_raised_and_not_raised(name: str) -> None:
    cases = [case for test in loaded(PROMETHEUS / "alerts.test.yml")["tests"] for case in test["alert_rule_test"]]
    assert {bool(case["exp_alerts"]) for case in cases if case["alertname"] == name} == {True, False}


def test_rules_names_are_unique() -> None:
    assert len(ALERTS) + len(RECORDED) == len(RULES)


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


def test_rules_read_metrics_that_exist(exposed: set[str]) -> None:
    read = {name for rule in RULES for name in metric_names(rule["expr"])}
    assert read <= exposed | RECORDED | MADE_BY_PROMETHEUS


def test_rules_are_not_recorded_for_nobody() -> None:
    read = {name for rule in RULES for name in metric_names(rule["expr"])}
    assert read >= RECORDED


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *expressions(DASHBOARD)])
def test_routes_are_selected_whatever_protocol_they_belong_to(expression: str) -> None:
    """All that predict, or, where it is about time, all but explanations; the latter are slow by nature."""
    timed = "duration_seconds" in expression
    expected = set(PREDICTIONS) - ({EXPLAIN, TENSORFLOW_EXPLAIN} if timed else set())
    for selector in selectors(expression):
        if "route" in selector:
            assert routes_of(selector) == expected


def test_rules_select_routes_of_requests() -> None:
    """Else health checks and scrapes would make every share of failures look small."""
    for rule in RULES:
        selecting = re.findall(r"\bsentiment_http_\w+\{[^}]*\broute", rule["expr"])
        assert len(selecting) == rule["expr"].count("sentiment_http_")


def test_runbook_names_rates_that_are_recorded() -> None:
    named = set(re.findall(r"\b\w+:sentiment_\w+:\w+", (ROOT / "docs/operations.md").read_text()))
    assert named <= RECORDED
    assert named


def test_dashboard_reads_metrics_that_exist(exposed: set[str]) -> None:
    read = {name for expression in expressions(DASHBOARD) for name in metric_names(expression)}
    assert read <= exposed | RECORDED | MADE_BY_PROMETHEUS


def test_dashboard_shows_every_metric(exposed: set[str]) -> None:
    read = {name for expression in expressions(DASHBOARD) for name in metric_names(expression)}
    derived = ("_sum", "_count", "_created")
    assert {name for name in exposed if name.startswith("sentiment_") and not name.endswith(derived)} <= read


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("sentiment_http_requests_total", {"method": "POST", "route": "/predict", "status": "200"}),
        ("sentiment_http_requests_total", {"method": "POST", "route": "/predict", "status": "422"}),
        ("sentiment_http_request_duration_seconds_bucket", {"route": "/predict", "le": "0.25"}),
        ("sentiment_stage_duration_seconds_count", {"stage": "queue"}),
        ("sentiment_stage_duration_seconds_count", {"stage": "text"}),
        ("sentiment_stage_duration_seconds_count", {"stage": "model"}),
        ("sentiment_http_requests_total", {"method": "POST", "route": INFER, "status": "400"}),
        ("sentiment_http_requests_total", {"method": "POST", "route": TENSORFLOW_PREDICT, "status": "500"}),
        ("sentiment_rejections_total", {"route": "/predict", "reason": "invalid-request"}),
        ("sentiment_rejections_total", {"route": INFER, "reason": "overloaded"}),
        ("sentiment_rejections_total", {"route": EXPLAIN, "reason": "not-serving"}),
        ("sentiment_rejections_total", {"route": "other", "reason": "malformed-request"}),
        ("sentiment_bundle_info", {"name": "tiny", "version": "1"}),
    ],
)
def test_metric_has_the_labels_that_alerts_and_dashboard_select(
    samples: list[Sample], metric: str, labels: dict[str, str]
) -> None:
    assert [
        sample.value for sample in samples if sample.name == metric and labels.items() <= sample.labels.items()
    ] != []


def test_dashboard_panels_have_ids_of_their_own() -> None:
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
def test_dashboard_panel_explains_itself(panel: dict[str, Any]) -> None:
    assert panel["description"]
    options = panel["options"].get("yAxis", panel["fieldConfig"]["defaults"])
    assert "unit" in options or panel["type"] == "table"
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        assert all('instance=~"$instance"' in selector for selector in selectors(target["expr"]))
        assert len(selectors(target["expr"])) >= len(metric_names(target["expr"]))


def test_dashboard_has_its_variables() -> None:
    assert list(VARIABLES) == ["datasource", "instance", "route"]
    offered = VARIABLES["route"]["regex"].strip("/")
    assert {route for route in ROUTES if re.search(offered, route)} == set(PREDICTIONS)


def test_prometheus_scrapes_the_service_that_the_alerts_are_about() -> None:
    [job] = loaded(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    [discovery] = job["dns_sd_configs"]
    assert set(discovery["names"]) <= set(loaded(ROOT / "docker-compose.yml")["services"])
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
    [job] = loaded(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    assert (endpoint["port"], endpoint["path"]) == (port["name"], job["metrics_path"])
    (relabeling,) = endpoint["relabelings"]
    assert (relabeling["targetLabel"], relabeling["replacement"]) == ("job", job["job_name"])


def test_grafana_is_provisioned_with_one_prometheus_and_one_folder() -> None:
    [source] = loaded(GRAFANA / "provisioning/datasources/prometheus.yml")["datasources"]
    assert urlsplit(source["url"]).hostname == "prometheus"
    assert source["jsonData"]["timeInterval"] == loaded(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    [provider] = loaded(GRAFANA / "provisioning/dashboards/sentiment.yml")["providers"]
    assert provider["options"]["path"].startswith("/")
