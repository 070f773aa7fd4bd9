"""The manifests are valid, restricted, and agree with the code and the measurements."""

import copy
import functools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are not a requirement of this project

from app.settings import PREFIX, Settings
from tests.deploy import rules, sizing
from tests.deploy.kustomize import Resource, command, render
from tests.deploy.manifests import DEPLOY, KUBERNETES, check, kustomizations, problems, violations
from tests.servers import ROOT

PAGE = sizing.DOCUMENT.read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PATHS = json.loads((ROOT / "openapi.json").read_text())["paths"]
OVERLAYS = {"tensorflow": "tensorflow", "slim": "litert"}
"""Overlay, and the image's tag -> runtime."""
KSERVE = ("standard", "knative")
KNATIVE = {
    *("args", "command", "env", "envFrom", "image", "imagePullPolicy", "livenessProbe", "name", "ports"),
    *("readinessProbe", "resources", "securityContext", "startupProbe", "terminationMessagePath"),
    *("terminationMessagePolicy", "volumeMounts", "workingDir"),
}
"""The fields of a container that Knative Serving 1.23 allows."""


@pytest.fixture(scope="module", autouse=True)
def _kustomize() -> None:
    if command() is None:
        pytest.skip("neither kustomize nor kubectl: `apt-get install kustomize`")


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


def stage(name: str) -> str:
    """A stage of the Dockerfile."""
    (found,) = re.findall(rf"^FROM \S+ AS {name}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    return str(found)


def variables(variant: str = "slim") -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container(variant)["env"]}


def settings(variant: str) -> Settings:
    """The settings that a container starts with, those of its image included."""
    tag = container(variant)["image"].split(":")[1]
    image = dict(re.findall(rf"\b({PREFIX}\w+)=(\S+)", stage("service") + stage(tag)))
    values = {name.removeprefix(PREFIX).lower(): value for name, value in (image | variables(variant)).items()}
    values.setdefault("runtime", "tensorflow" if "requirements/serving.txt" in stage(f"{tag}-packages") else "litert")
    assert values.keys() <= Settings.model_fields.keys()
    values.pop("api_keys_file", None)  # a file of the cluster
    return Settings.model_validate(values)


def replaced(resource: Any, path: str, value: Any) -> Any:
    """A copy of a resource with another value at a path such as `spec.containers.0.name`."""
    resource = copy.deepcopy(resource)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    functools.reduce(lambda place, part: place[part], parents, resource)[last] = value
    return resource


def test_manifests_are_valid_and_restricted() -> None:
    renderings = check()
    assert len(renderings) == 10
    assert not any(renderings.values()), renderings
    assert one("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize(
    ("kind", "path", "value", "message"),
    [
        ("Deployment", "spec.template.spec.containers.0.readynessProbe", {}, "readynessProbe"),
        ("Deployment", "apiVersion", "apps/v1beta1", "schema"),
        ("ServiceMonitor", "spec.endpoints.0.targetport", 1, "targetport"),
        ("ServiceMonitor", "spec.endpoints.0.interval", "often", "interval"),
        ("PrometheusRule", "spec.groups.0.rules.0.runbook_url", "x", "runbook_url"),
        ("PrometheusRule", "spec.groups.2.rules.0.for", "2 minutes", "for"),
        ("Ingress", "spec.rules.0.http.paths.0.backend.port", 80, "port"),
        ("HTTPRoute", "spec.rules.0.retry", {"attempts": 2}, "retry"),
        ("HTTPRoute", "spec.rules.0.timeouts.request", "35", "request"),
        ("InferenceService", "spec.predictor.minReplica", 1, "minReplica"),
        ("InferenceService", "apiVersion", "serving.kserve.io/v1", "v1beta1"),
        ("ServingRuntime", "spec.containers.0.readynessProbe", {}, "readynessProbe"),
    ],
)
def test_schemas_reject_mistakes(kind: str, path: str, value: Any, message: str) -> None:
    (resource, *_) = [found for found in (*resources(), *resources("standard")) if found["kind"] == kind]
    assert message in " ".join(problems(replaced(resource, path, value)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hostNetwork", True),
        ("hostPID", True),
        ("securityContext.runAsNonRoot", None),
        ("securityContext.runAsUser", 0),
        ("securityContext.seccompProfile", {"type": "Unconfined"}),
        ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
        ("volumes.0.hostPath", {"path": "/tmp"}),
        ("initContainers", [{"name": "other", "image": "x"}]),
        ("containers.0.ports.0.hostPort", 8000),
        ("containers.0.livenessProbe.httpGet.host", "169.254.169.254"),
        ("containers.0.securityContext.allowPrivilegeEscalation", None),
        ("containers.0.securityContext.privileged", True),
        ("containers.0.securityContext.procMount", "Unmasked"),
        ("containers.0.securityContext.runAsUser", 0),
        ("containers.0.securityContext.seLinuxOptions", {"type": "spc_t"}),
        ("containers.0.securityContext.capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    ],
)
def test_restricted_profile_rejects_privileges(path: str, value: Any) -> None:
    assert list(violations(replaced(pod(), path, value)))


def test_documented_overlay_has_all_components(tmp_path: Path) -> None:
    overlays = Path(shutil.copytree(DEPLOY, tmp_path / "deploy")) / "kubernetes/overlays"
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    image = "{name: review-sentiment, newName: registry.test/rs, newTag: '7'}"
    (overlays / "production").mkdir()
    kustomization = f"{example}namespace: other\nimages: [{image}]\n"
    (overlays / "production/kustomization.yaml").write_text(kustomization)
    rendered = render(overlays / "production")
    kinds = sorted(resource["kind"] for resource in rendered)
    assert kinds == sorted(resource["kind"] for resource in resources() if resource["kind"] != "HTTPRoute")
    assert {resource["metadata"]["namespace"] for resource in rendered if resource["kind"] != "Namespace"} == {"other"}
    (deployment,) = [resource for resource in rendered if resource["kind"] == "Deployment"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.test/rs:7"


@pytest.mark.parametrize("variant", [*OVERLAYS, *KSERVE])
def test_container_agrees_with_its_settings(variant: str) -> None:
    server, set_ = container(variant), settings(variant)
    assert (set_.host, set_.workers) == ("0.0.0.0", 1)
    assert set_.runtime == OVERLAYS.get(variant, "litert")
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    expected = {"http1": set_.port} if variant in KSERVE else {"http": set_.port, "metrics": set_.metrics_port}
    assert ports == expected
    for kind in ("livenessProbe", "readinessProbe", *(["startupProbe"] if variant in OVERLAYS else [])):
        probe = server[kind]["httpGet"]
        assert ports.get(probe["port"], probe["port"]) == set_.port
        assert "get" in PATHS[probe["path"]]
        assert probe["path"].endswith("live" if kind == "livenessProbe" else "ready")
    assert server["securityContext"]["readOnlyRootFilesystem"] is True
    assert server["imagePullPolicy"] == "IfNotPresent"


@pytest.mark.parametrize("variant", [*OVERLAYS, "standard"])
def test_grace_period_covers_sleep_drain_and_shutdown(variant: str) -> None:
    set_, asleep = settings(variant), container(variant)["lifecycle"]["preStop"]["sleep"]["seconds"]
    shutdown, collector = 2, 7  # docs/reference/service.md, "Time to stop"
    grace = (predictor(variant) if variant in KSERVE else pod(variant))["terminationGracePeriodSeconds"]
    assert 0 <= grace - (asleep + set_.drain + set_.shutdown_timeout + shutdown + collector) <= 10


@pytest.mark.parametrize(("variant", "headroom"), [("tensorflow", 1.25), ("slim", 1.5)])
def test_resources_come_from_the_measurements(variant: str, headroom: float) -> None:
    runtime, server = OVERLAYS[variant], container(variant)
    units = {"Mi": 2**20, "Gi": 2**30}
    requested, limit = (
        int(server["resources"][kind]["memory"][:-2]) * units[server["resources"][kind]["memory"][-2:]]
        for kind in ("requests", "limits")
    )
    assert 1 <= requested / (sizing.measured(runtime, "memory") * headroom) <= 1.1
    assert 1 <= limit / sizing.max_memory(runtime) <= 1.25
    assert server["resources"]["requests"]["cpu"] == "1"
    assert "cpu" not in server["resources"]["limits"]
    assert f"{requested // 2**20} MiB" in PAGE
    startup = server["startupProbe"]["periodSeconds"] * server["startupProbe"]["failureThreshold"]
    assert startup >= 10 * sizing.measured(runtime, "cold_start")  # disks are cold, nodes slow and busy
    deployment = one("Deployment", variant=variant)["spec"]
    assert deployment["progressDeadlineSeconds"] > startup + deployment["minReadySeconds"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in deployment  # the autoscaler sets them


def test_document_has_the_numbers_of_the_measurements() -> None:
    assert f"{sizing.BEGIN}\n{sizing.table()}\n{sizing.END}" in PAGE
    cores = []
    for runtime in sizing.RUNTIMES:
        assert f"{sizing.measured(runtime, 'cold_start'):.1f} s with" in PAGE
        loads = list(sizing.LOADS.values())
        single, batches = (sizing.measured(runtime, "loads", load, "reviews_a_second") for load in loads)
        assert batches > 2 * single  # "One request of 64 reviews costs less than half of 64 requests."
        cpu = [sizing.measured(runtime, "loads", load, "cpu_a_thousand") / 1000 for load in loads]
        cores += [single * cpu[0], batches * cpu[1]]
    assert f"A worker uses {min(cores):.2f} to {max(cores):.2f} cores" in PAGE


def test_pods_run_as_the_user_of_the_image_and_know_nothing_of_the_cluster() -> None:
    spec = pod()
    assert f"USER {spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}" in DOCKERFILE
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False  # a Service named sentiment would set SENTIMENT_PORT


def test_api_keys_are_mounted_where_the_setting_says() -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert mounts.keys() == volumes.keys()
    secret = volumes["api-keys"]["secret"]
    (item,) = secret["items"]
    assert variables()["SENTIMENT_API_KEYS_FILE"] == f"{mounts['api-keys']}/{item['path']}"
    comment = (DEPLOY / "kubernetes/components/api-keys/kustomization.yaml").read_text()
    assert f"secret generic {secret['secretName']} --from-file={item['key']}" in comment


def test_selectors_match_the_labels_of_the_pods() -> None:
    paths = {
        "Service": ("spec", "selector"),
        "Deployment": ("spec", "selector", "matchLabels"),
        "PodDisruptionBudget": ("spec", "selector", "matchLabels"),
        "NetworkPolicy": ("spec", "podSelector", "matchLabels"),
    }
    found = [functools.reduce(dict.__getitem__, paths[r["kind"]], r) for r in resources() if r["kind"] in paths]
    found += [constraint["labelSelector"]["matchLabels"] for constraint in pod()["topologySpreadConstraints"]]
    labels = one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert len(found) == 9
    assert all(found), "an empty selector selects everything"
    assert all(selector.items() <= labels.items() for selector in found)


def test_network_policies_open_only_the_ports_of_the_services() -> None:
    policies = {r["metadata"]["name"]: r["spec"] for r in resources() if r["kind"] == "NetworkPolicy"}
    opened = {
        name: [port["port"] for rule in spec["ingress"] for port in rule["ports"]] for name, spec in policies.items()
    }
    assert opened == {
        "review-sentiment": ["http"],
        "review-sentiment-ingress": ["http"],
        "review-sentiment-metrics": ["metrics"],
    }
    assert all(rule["from"] for spec in policies.values() for rule in spec["ingress"]), "an empty `from` is everyone"
    assert policies["review-sentiment"]["policyTypes"] == ["Ingress", "Egress"]
    assert policies["review-sentiment"]["egress"] == []
    services = {r["metadata"]["name"]: r["spec"]["ports"] for r in resources() if r["kind"] == "Service"}
    assert {name: [port["targetPort"] for port in ports] for name, ports in services.items()} == {
        "review-sentiment": ["http"],
        "review-sentiment-metrics": ["metrics"],
    }


def test_ingress_and_route_have_the_limits_of_nginx_and_lead_to_the_service() -> None:
    nginx = dict(re.findall(r"^ {0,4}([a-z_]+) (.+?)s?;$", (DEPLOY / "nginx.conf").read_text(), re.MULTILINE))
    ingress = one("Ingress")
    annotations = {name.rpartition("/")[2]: value for name, value in ingress["metadata"]["annotations"].items()}
    assert f"connections {annotations.pop('limit-connections')}" == nginx["limit_conn"]
    assert f"rate={annotations.pop('limit-rps')}r/" in nginx["limit_req_zone"]
    assert annotations.pop("proxy-body-size") == nginx["client_max_body_size"]
    assert (annotations.pop("proxy-request-buffering"), annotations.pop("proxy-buffering")) == ("on", "on")
    del annotations["limit-burst-multiplier"]
    assert annotations == {name: nginx[name.replace("-", "_")] for name in annotations}
    values = yaml.safe_load((DEPLOY / "kubernetes/components/ingress/controller-values.yaml").read_text())
    config = values["controller"]["config"]
    for name in ("client-header-timeout", "client-body-timeout", "large-client-header-buffers"):
        assert config[name] == nginx[name.replace("-", "_")], name
    assert config["limit-conn-status-code"] == nginx["limit_conn_status"]
    assert config["limit-req-status-code"] == nginx["limit_req_status"]
    assert config["http-snippet"] == f"send_timeout {nginx['send_timeout']}s;"
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["port"]["name"] in {port["name"] for port in one("Service", backend["name"])["spec"]["ports"]}
    assert one("HTTPRoute")["spec"]["rules"][0]["timeouts"] == {"request": f"{nginx['proxy_read_timeout']}s"}
    (reference,) = one("HTTPRoute")["spec"]["rules"][0]["backendRefs"]
    assert reference["port"] in {port["port"] for port in one("Service", reference["name"])["spec"]["ports"]}
    assert one("HTTPRoute")["spec"]["hostnames"] == [rule["host"] for rule in ingress["spec"]["rules"]]


def test_monitors_find_the_metrics_and_name_the_job_of_the_alerts() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    for rendered in (resources(), render(DEPLOY / "kserve/monitoring")):
        (monitor,) = [resource["spec"] for resource in rendered if resource["kind"] == "ServiceMonitor"]
        labels = monitor["selector"]["matchLabels"].items()
        (service,) = [r for r in rendered if r["kind"] == "Service" and labels <= r["metadata"]["labels"].items()]
        (endpoint,), (port,) = monitor["endpoints"], service["spec"]["ports"]
        assert (endpoint["port"], endpoint["path"]) == (port["name"], job["metrics_path"])
        (relabeling,) = endpoint["relabelings"]
        assert (relabeling["targetLabel"], relabeling["replacement"]) == ("job", job["job_name"])
        for variant in KSERVE:
            assert str(port["port"]) == variables(variant)["SENTIMENT_METRICS_PORT"]
    assert service["spec"]["selector"] == {"serving.kserve.io/inferenceservice": "imdb"}
    assert port["targetPort"] == port["port"]


def test_rules_and_dashboard_are_those_for_prometheus_and_grafana() -> None:
    assert rules.TARGET.read_text() == rules.resource(), "outdated: run `python -m tests.deploy.rules`"
    rendered, source = (
        # kustomize adds blank lines to folded strings.
        re.sub(r"(?:\\n| )+", " ", json.dumps(spec, sort_keys=True))
        for spec in (one("PrometheusRule")["spec"], yaml.safe_load(rules.SOURCE.read_text()))
    )
    assert rendered == source
    dashboard = one("ConfigMap", "review-sentiment-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert dashboard["metadata"]["namespace"] == one("PrometheusRule")["metadata"]["namespace"]
    (contents,) = dashboard["data"].values()
    assert contents == (DEPLOY / "grafana/dashboard.json").read_text()
    # `kubectl apply` stores the resource in an annotation, which may have 256 KiB.
    assert len(json.dumps(dashboard)) < 2**18


def test_autoscaler_uses_the_target_of_the_sizing_and_the_queue() -> None:
    scaler, deployment = one("HorizontalPodAutoscaler")["spec"], one("Deployment")
    assert scaler["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
    }
    assert one("PodDisruptionBudget")["spec"]["maxUnavailable"] < scaler["minReplicas"] == sizing.SPARE + 1
    cpu, queue = scaler["metrics"]
    assert cpu["resource"]["target"]["averageUtilization"] == round(sizing.UTILISATION * 100)
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
    model, server = service["spec"]["predictor"]["model"], container(variant)
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert model["modelFormat"].items() <= runtime["spec"]["supportedModelFormats"][0].items()
    assert not model.keys() & {"storageUri", "securityContext"}  # the image's bundle, the runtime's context
    assert server["name"] == "kserve-container"
    assert "resources" not in server  # KServe would replace them with its own
    assert model["resources"] == replaced(container()["resources"], "limits.cpu", "2")
    annotations = runtime["spec"]["annotations"]
    assert annotations["prometheus.kserve.io/port"] == variables(variant)["SENTIMENT_METRICS_PORT"]
    assert f"/v2/models/{bundle}/infer" in PAGE


def test_kserve_scales_by_cpu_or_by_concurrency() -> None:
    scaler, standard, knative = one("HorizontalPodAutoscaler")["spec"], predictor("standard"), predictor("knative")
    target = scaler["metrics"][0]["resource"]["target"]["averageUtilization"]
    assert (standard["scaleMetric"], standard["scaleTarget"]) == ("cpu", target)
    assert (standard["minReplicas"], standard["maxReplicas"]) == (scaler["minReplicas"], scaler["maxReplicas"])
    annotations = one("InferenceService", "imdb", "knative")["metadata"]["annotations"]
    assert annotations == {"serving.kserve.io/deploymentMode": "Knative"}
    assert (knative["scaleMetric"], str(knative["scaleTarget"])) == ("concurrency", sizing.LOADS["one per request"])
    assert container("knative").keys() <= KNATIVE
    assert "terminationGracePeriodSeconds" not in knative


def test_document_names_what_exists() -> None:
    for path in re.findall(r"\bdeploy/(?:kubernetes|kserve)/[\w/.-]*\w", PAGE):
        assert (ROOT / path).exists() or path.startswith("deploy/kubernetes/overlays/production"), path
    assert f"Kubernetes {KUBERNETES}" in PAGE.replace("\n", " ")
    assert DOCKERFILE.rstrip().rpartition("\nFROM ")[2].startswith("service AS tensorflow"), "the default image"
