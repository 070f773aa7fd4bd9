"""The manifests are valid, and agree with each other, with the code and with the measurements."""

import functools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are not a requirement of this project

from app.main import create_app
from app.settings import PREFIX, Settings
from benchmarks.report import typical
from tests.deploy import rules
from tests.deploy.manifests import DEPLOY, Resource, command, kustomizations, problems, render
from tests.servers import ROOT

PAGE = (ROOT / "docs/how-to/kubernetes.md").read_text()
OVERLAY, ROUTE = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CANARY = "review-sentiment-canary"
RUNTIMES = {"tensorflow": "tensorflow", "slim": "numpy"}
"""Overlay -> the runtime of its image."""
KSERVE = ("standard", "knative")

pytestmark = pytest.mark.skipif(command() is None, reason="neither kustomize nor kubectl: `apt-get install kustomize`")


@functools.cache
def resources(variant: str = "slim") -> list[Resource]:
    """An overlay with all components, or a mode of KServe."""
    if variant in KSERVE:
        return render(DEPLOY / "kserve" / variant)
    return render(DEPLOY / "kubernetes/overlays" / variant, *kustomizations("Component"))


def one(kind: str, name: str = "review-sentiment", variant: str = "slim") -> Any:
    (found,) = [r for r in resources(variant) if (r["kind"], r["metadata"]["name"]) == (kind, name)]
    return found


def pod(variant: str = "slim") -> dict[str, Any]:
    if variant in KSERVE:
        return dict(one("ServingRuntime", variant=variant)["spec"])
    return dict(one("Deployment", variant=variant)["spec"]["template"]["spec"])


def container(variant: str = "slim") -> dict[str, Any]:
    (found,) = pod(variant)["containers"]
    return dict(found)


def predictor(variant: str) -> dict[str, Any]:
    return dict(one("InferenceService", "imdb", variant)["spec"]["predictor"])


def variables(variant: str = "slim") -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container(variant)["env"]}


def settings(variant: str) -> Settings:
    values = {name.removeprefix(PREFIX).lower(): value for name, value in variables(variant).items()}
    assert values.keys() <= Settings.model_fields.keys()
    values.pop("api_keys_file", None)  # a file of the cluster
    return Settings.model_validate(values)


def test_manifests_are_valid_and_restricted() -> None:
    renderings = [*map(render, kustomizations()), *map(resources, RUNTIMES)]
    assert len(renderings) == 10
    assert [problem for rendered in renderings for resource in rendered for problem in problems(resource)] == []


def test_documented_overlay_renders(tmp_path: Path) -> None:
    overlays = Path(shutil.copytree(DEPLOY, tmp_path / "deploy")) / "kubernetes/overlays"
    (overlays / "production").mkdir()
    (overlays / "production/kustomization.yaml").write_text(f"{OVERLAY}namespace: other\n")
    rendered = render(overlays / "production")
    assert {resource["metadata"]["namespace"] for resource in rendered if resource["kind"] != "Namespace"} == {"other"}


@pytest.mark.parametrize("variant", [*RUNTIMES, *KSERVE])
def test_ports_and_probes_are_those_of_the_service(variant: str) -> None:
    server, set_ = container(variant), settings(variant)
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    assert ports == ({"http1": set_.port} if variant in KSERVE else {"http": set_.port, "metrics": set_.metrics_port})
    paths = {getattr(route, "path", None) for route in create_app(Settings()).routes}
    for kind in {"livenessProbe", "readinessProbe", "startupProbe"} & server.keys():
        probe = server[kind]["httpGet"]
        assert ports.get(probe["port"], probe["port"]) == set_.port
        assert probe["path"] in paths


@pytest.mark.parametrize("variant", [*RUNTIMES, "standard"])
def test_grace_period_covers_sleep_drain_and_shutdown(variant: str) -> None:
    set_, asleep = settings(variant), container(variant)["lifecycle"]["preStop"]["sleep"]["seconds"]
    shutdown, collector = 2, 7  # docs/reference/service.md, "Time to stop"
    grace = (predictor(variant) if variant in KSERVE else pod(variant))["terminationGracePeriodSeconds"]
    assert 0 <= grace - (asleep + set_.drain + set_.shutdown_timeout + shutdown + collector) <= 10


@pytest.mark.parametrize("variant", RUNTIMES)
def test_memory_and_start_suffice_as_measured(variant: str) -> None:
    results, server = json.loads((ROOT / "benchmarks/results.json").read_text()), container(variant)
    memory, cold_start = (
        typical(results, f"{RUNTIMES[variant]}, 1 worker", measured) for measured in ("memory", "cold_start")
    )
    units, resources = {"Mi": 2**20, "Gi": 2**30}, server["resources"]
    sizes = (resources[kind]["memory"] for kind in ("requests", "limits"))
    requested, limit = (int(size[:-2]) * units[size[-2:]] for size in sizes)
    limits = Settings.model_construct()
    queue = limits.max_waiting * limits.max_characters * 4  # bytes per character
    assert memory < requested
    assert memory + queue + 64 * limits.max_body_bytes <= limit
    startup = server["startupProbe"]["periodSeconds"] * server["startupProbe"]["failureThreshold"]
    assert startup >= 10 * cold_start  # disks are cold, nodes slow and busy


def test_api_keys_are_mounted_where_the_setting_says() -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    (item,) = next(volume["secret"]["items"] for volume in pod()["volumes"] if volume["name"] == "api-keys")
    assert variables()["SENTIMENT_API_KEYS_FILE"] == f"{mounts['api-keys']}/{item['path']}"


def test_selectors_and_ports_lead_to_the_pods() -> None:
    paths = {
        "Service": ("spec", "selector"),
        "Deployment": ("spec", "selector", "matchLabels"),
        "PodDisruptionBudget": ("spec", "selector", "matchLabels"),
        "NetworkPolicy": ("spec", "podSelector", "matchLabels"),
    }
    found = [functools.reduce(dict.__getitem__, paths[r["kind"]], r) for r in resources() if r["kind"] in paths]
    labels = one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert len(found) == 7
    assert all(found), "an empty selector selects everything"
    assert all(selector.items() <= labels.items() for selector in found)
    used = {port["targetPort"] for r in resources() if r["kind"] == "Service" for port in r["spec"]["ports"]}
    policies = [rule for r in resources() if r["kind"] == "NetworkPolicy" for rule in r["spec"]["ingress"]]
    used |= {port["port"] for rule in policies for port in rule["ports"]}
    assert used == {port["name"] for port in container()["ports"]}


def test_ingress_and_route_have_the_limits_of_nginx_and_lead_to_the_service() -> None:
    nginx = dict(re.findall(r"^ {0,4}([a-z_]+) (.+?)s?;$", (DEPLOY / "nginx.conf").read_text(), re.MULTILINE))
    ingress, route = one("Ingress"), one("HTTPRoute")
    annotations = {name.rpartition("/")[2]: value for name, value in ingress["metadata"]["annotations"].items()}
    assert f"connections {annotations['limit-connections']}" == nginx["limit_conn"]
    assert f"rate={annotations['limit-rps']}r/" in nginx["limit_req_zone"]
    assert annotations["proxy-body-size"] == nginx["client_max_body_size"]
    values = yaml.safe_load((DEPLOY / "kubernetes/components/ingress/controller-values.yaml").read_text())
    for name, value in (annotations | values["controller"]["config"]).items():
        assert value == nginx.get(name.replace("-", "_"), value), name
    assert route["spec"]["rules"][0]["timeouts"] == {"request": f"{nginx['proxy_read_timeout']}s"}
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    (reference,) = route["spec"]["rules"][0]["backendRefs"]
    (port,) = one("Service", backend["name"])["spec"]["ports"]
    assert (backend["port"]["name"], reference["name"]) == (port["name"], backend["name"])
    assert reference["port"] == port["port"]


def test_monitors_find_the_metrics_and_name_the_job_of_the_alerts() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert set(re.findall(r'\bjob="([^"]*)"', rules.SOURCE.read_text())) == {job["job_name"]}
    for rendered in (resources(), render(DEPLOY / "kserve/monitoring")):
        (monitor,) = [resource["spec"] for resource in rendered if resource["kind"] == "ServiceMonitor"]
        labels = monitor["selector"]["matchLabels"].items()
        (service,) = [r for r in rendered if r["kind"] == "Service" and labels <= r["metadata"]["labels"].items()]
        (endpoint,), (port,) = monitor["endpoints"], service["spec"]["ports"]
        assert (endpoint["port"], endpoint["path"]) == (port["name"], job["metrics_path"])
        assert endpoint["relabelings"][0]["replacement"] == job["job_name"]
        for variant in KSERVE:
            assert str(port["port"]) == variables(variant)["SENTIMENT_METRICS_PORT"]


def test_rules_and_dashboard_are_those_for_prometheus_and_grafana() -> None:
    assert rules.TARGET.read_text() == rules.resource(), "outdated: run `python -m tests.deploy.rules`"
    # `kubectl apply` stores the resource in an annotation, which may have 256 KiB.
    assert len(json.dumps(one("ConfigMap", "review-sentiment-dashboard"))) < 2**18


def test_autoscaler_uses_processor_time_and_the_queue() -> None:
    scaler = one("HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == one("Deployment")["metadata"]["name"]
    assert one("PodDisruptionBudget")["spec"]["maxUnavailable"] < scaler["minReplicas"]
    cpu, queue = scaler["metrics"]
    assert cpu["resource"]["target"]["averageUtilization"] == predictor("standard")["scaleTarget"]
    limits = Settings.model_construct()
    # A single full request is not a queue; beyond half of the queue, requests are refused for a while.
    assert limits.max_reviews < int(queue["pods"]["target"]["averageValue"]) <= limits.max_waiting / 2
    adapter = (DEPLOY / "kubernetes/components/queue-autoscaling/prometheus-adapter.yaml").read_text()
    (rule,) = yaml.safe_load(adapter)["rules"]["custom"]
    assert rule["seriesQuery"].partition("{")[0] == queue["pods"]["metric"]["name"]


@pytest.mark.parametrize("variant", KSERVE)
def test_kserve_serves_the_bundle_with_open_inference(variant: str) -> None:
    (bundle,) = {json.loads(path.read_text())["name"] for path in (ROOT / "models").glob("*/*/manifest.json")}
    service, runtime = one("InferenceService", bundle, variant), one("ServingRuntime", variant=variant)
    model = service["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert model["modelFormat"].items() <= runtime["spec"]["supportedModelFormats"][0].items()
    resources = container()["resources"]
    assert model["resources"] == resources | {"limits": resources["limits"] | {"cpu": "2"}}
    annotations = runtime["spec"]["annotations"]
    assert annotations["prometheus.kserve.io/port"] == variables(variant)["SENTIMENT_METRICS_PORT"]


def test_canary_is_separate_from_the_stable_deployment() -> None:
    overlay = render(DEPLOY / "kubernetes/canary")
    rendered: dict[tuple[str, str], Any] = {(r["kind"], r["metadata"]["name"]): r for r in overlay}
    label = {"app.kubernetes.io/name": CANARY}
    deployment = rendered["Deployment", CANARY]["spec"]
    assert deployment["selector"]["matchLabels"] == deployment["template"]["metadata"]["labels"] == label
    assert rendered["Service", CANARY]["spec"]["selector"] == label
    env = {variable["name"]: variable["value"] for variable in deployment["template"]["spec"]["containers"][0]["env"]}
    assert env["SENTIMENT_MODEL_VERSION"] == "4,3"
    (source,) = rendered["NetworkPolicy", "review-sentiment-ingress-canary"]["spec"]["ingress"][0]["from"]
    assert source["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "ingress-nginx"
    (path,) = rendered["Ingress", CANARY]["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == CANARY
    route = yaml.safe_load(ROUTE)
    assert problems(route) == []
    backends = {backend["name"]: backend["port"] for backend in route["spec"]["rules"][0]["backendRefs"]}
    (port,) = rendered["Service", CANARY]["spec"]["ports"]
    assert backends == dict.fromkeys(("review-sentiment", CANARY), port["port"])
