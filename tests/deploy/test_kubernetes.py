"""The manifests: valid, restricted, rendered as kustomize does, and true to the code and to what was measured."""

import copy
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are no requirement of this project

from app.main import create_app
from app.settings import PREFIX, Settings
from benchmarks.report import typical
from tests.deploy import manifests, restricted, sizing
from tests.deploy.__main__ import main
from tests.deploy.kustomize import KustomizationError, Resource, documents, patched, render
from tests.servers import ROOT

KUBERNETES = ROOT / "deploy/kubernetes"
KSERVE = ROOT / "deploy/kserve"
COMPONENTS = [KUBERNETES / "components" / name for name in ("monitoring", "queue-autoscaling", "api-keys", "ingress")]
OVERLAYS = {"tensorflow": KUBERNETES / "overlays/tensorflow", "litert": KUBERNETES / "overlays/slim"}
PAGE = sizing.DOCUMENT.read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
BEYOND = 10
"""Times the measured start that a pod gets: disks are cold, nodes slow and busy."""
KNATIVE = {
    "args",
    "command",
    "env",
    "envFrom",
    "image",
    "imagePullPolicy",
    "livenessProbe",
    "name",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "volumeMounts",
    "workingDir",
}
"""A container's fields in the definition of Knative Serving 1.23; it refuses others."""


def one(resources: list[Resource], kind: str, name: str = "review-sentiment") -> Resource:
    (found,) = [r for r in resources if (r["kind"], r["metadata"]["name"]) == (kind, name)]
    return found


def whole(overlay: Path = OVERLAYS["litert"]) -> list[Resource]:
    """An overlay with all components."""
    return render(overlay, *COMPONENTS)


def pod(resources: list[Resource]) -> dict[str, Any]:
    spec: dict[str, Any] = one(resources, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(resources: list[Resource]) -> dict[str, Any]:
    (found,) = pod(resources)["containers"]
    return dict(found)


def served(folder: Path) -> dict[str, Any]:
    """The container that KServe starts."""
    (found,) = one(render(folder), "ServingRuntime")["spec"]["containers"]
    return dict(found)


SERVERS = {
    "tensorflow": container(whole(OVERLAYS["tensorflow"])),
    "litert": container(whole(OVERLAYS["litert"])),
    "kserve": served(KSERVE / "standard"),
    "knative": served(KSERVE / "knative"),
}


def variables(server: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in server["env"]}


def settings_of(server: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """The settings that a container starts with, its image's included."""
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    image = dict(re.findall(rf"\b({PREFIX}\w+)=(\S+)", stage("service") + stage(server["image"].split(":")[1])))
    environment = image | variables(server)
    if path := environment.get("SENTIMENT_API_KEYS_FILE"):
        mounts = [mount["mountPath"] for mount in server["volumeMounts"]]
        assert str(Path(path).parent) in mounts
        keys = tmp_path / "keys"
        keys.write_text("a-key-of-twenty-four-letters\n")
        environment["SENTIMENT_API_KEYS_FILE"] = str(keys)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def stage(name: str) -> str:
    """A stage of the Dockerfile."""
    (found,) = re.findall(rf"^FROM \S+ AS {name}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    return str(found)


def quantity(text: str) -> float:
    """Bytes."""
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"Mi": 2**20, "Gi": 2**30}[unit]


def test_manifests_are_valid_and_restricted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().err
    assert f"{len(manifests.kustomizations()) + len(OVERLAYS)} renderings" in capsys.readouterr().out
    assert "-m tests.deploy\n" in (ROOT / "Makefile").read_text()


def test_manifests_check_names_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    deployment = tmp_path / "deploy/kubernetes/base/deployment.yaml"
    text = deployment.read_text()
    deployment.write_text(text.replace("minReadySeconds", "minReadySecond").replace("drop: [ALL]", "drop: []"))
    monkeypatch.setattr(manifests, "DEPLOY", tmp_path / "deploy")
    assert main() == 1
    told = capsys.readouterr().err
    assert "minReadySecond" in told
    assert (
        "deploy/kubernetes/overlays/slim: Deployment review-sentiment: containers[sentiment]: capabilities.drop" in told
    )


CONTAINER = "/spec/template/spec/containers/0"
INVALID = [
    ("Deployment", {"op": "add", "path": f"{CONTAINER}/readynessProbe", "value": {}}, "readynessProbe"),
    ("Deployment", {"op": "replace", "path": f"{CONTAINER}/ports/0/containerPort", "value": "8000"}, "containerPort"),
    ("Deployment", {"op": "remove", "path": "/spec/selector"}, "selector"),
    ("Deployment", {"op": "replace", "path": "/apiVersion", "value": "apps/v1beta1"}, "schema"),
    ("HorizontalPodAutoscaler", {"op": "add", "path": "/spec/behavior/scaleUp/window", "value": 1}, "window"),
    ("NetworkPolicy", {"op": "add", "path": "/spec/ingress/0/to", "value": []}, "to"),
    ("ServiceMonitor", {"op": "add", "path": "/spec/endpoints/0/targetport", "value": 1}, "targetport"),
    ("ServiceMonitor", {"op": "replace", "path": "/spec/endpoints/0/interval", "value": "often"}, "interval"),
    ("ServiceMonitor", {"op": "remove", "path": "/spec/selector"}, "selector"),
    ("Ingress", {"op": "add", "path": "/spec/rules/0/http/paths/0/backend/port", "value": 80}, "port"),
    ("Ingress", {"op": "remove", "path": "/spec/rules/0/http/paths/0/pathType"}, "pathType"),
    ("InferenceService", {"op": "add", "path": "/spec/predictor/minReplica", "value": 1}, "minReplica"),
    ("InferenceService", {"op": "remove", "path": "/spec/predictor/model/modelFormat"}, "modelFormat"),
    ("InferenceService", {"op": "replace", "path": "/apiVersion", "value": "serving.kserve.io/v1"}, "v1beta1"),
    ("ServingRuntime", {"op": "add", "path": "/spec/containers/0/readynessProbe", "value": {}}, "readynessProbe"),
    ("ServingRuntime", {"op": "remove", "path": "/spec/containers"}, "containers"),
]


@pytest.mark.parametrize(("kind", "operation", "told"), INVALID)
def test_schemas_refuse_a_mistake(kind: str, operation: dict[str, Any], told: str) -> None:
    name = "imdb" if kind == "InferenceService" else "review-sentiment"
    resource = one(whole() + render(KSERVE / "standard"), kind, name)
    assert not manifests.problems([resource])
    assert told in " ".join(manifests.problems([patched(resource, [operation])]))


POD = "/securityContext"
FIRST = "/containers/0/securityContext"
VIOLATIONS: dict[str, list[tuple[str, Any]]] = {
    "host_process": [
        (f"{POD}/windowsOptions", {"hostProcess": True}),
        (f"{FIRST}/windowsOptions", {"hostProcess": True}),
    ],
    "host_namespaces": [("/hostNetwork", True), ("/hostPID", True), ("/hostIPC", True)],
    "privileged": [(f"{FIRST}/privileged", True)],
    "host_ports": [("/containers/0/ports/0/hostPort", 8000)],
    "host_probes": [
        ("/containers/0/livenessProbe/httpGet/host", "169.254.169.254"),
        ("/containers/0/readinessProbe/tcpSocket", {"host": "10.0.0.1", "port": 1}),
        ("/containers/0/lifecycle/postStart", {"httpGet": {"host": "10.0.0.1", "port": 1}}),
        ("/containers/0/lifecycle/preStop/tcpSocket", {"host": "10.0.0.1", "port": 1}),
    ],
    "apparmor": [
        (f"{POD}/appArmorProfile", {"type": "Unconfined"}),
        (f"{FIRST}/appArmorProfile", {"type": "Unconfined"}),
    ],
    "selinux": [
        (f"{POD}/seLinuxOptions", {"type": "spc_t"}),
        (f"{FIRST}/seLinuxOptions", {"user": "system_u"}),
        (f"{FIRST}/seLinuxOptions", {"role": "sysadm_r"}),
    ],
    "proc_mount": [(f"{FIRST}/procMount", "Unmasked")],
    "sysctls": [(f"{POD}/sysctls", [{"name": "kernel.msgmax", "value": "1"}])],
    "volume_types": [
        ("/volumes/0", {"name": "tmp", "hostPath": {"path": "/tmp"}}),
        ("/volumes/0", {"name": "tmp", "nfs": {"server": "nas", "path": "/"}}),
    ],
    "privilege_escalation": [(f"{FIRST}/allowPrivilegeEscalation", True), (f"{FIRST}/allowPrivilegeEscalation", None)],
    "non_root": [(f"{POD}/runAsNonRoot", None), (f"{POD}/runAsNonRoot", False), (f"{FIRST}/runAsNonRoot", False)],
    "root_user": [(f"{POD}/runAsUser", 0), (f"{FIRST}/runAsUser", 0)],
    "seccomp": [
        (f"{POD}/seccompProfile", {}),
        (f"{POD}/seccompProfile", {"type": "Unconfined"}),
        (f"{FIRST}/seccompProfile", {"type": "Unconfined"}),
    ],
    "capabilities": [
        (f"{FIRST}/capabilities", {}),
        (f"{FIRST}/capabilities", {"drop": ["NET_RAW"]}),
        (f"{FIRST}/capabilities/add", ["SYS_ADMIN"]),
    ],
}


@pytest.mark.parametrize("control", restricted.CONTROLS, ids=lambda control: control.__name__)
def test_restricted_profile_refuses_each_violation(control: restricted.Control) -> None:
    spec = pod(whole())
    assert not restricted.violations(spec)
    for path, value in VIOLATIONS[control.__name__]:
        where, _, last = path.rpartition("/")
        bad = copy.deepcopy(spec)
        place: Any = bad
        for part in where.split("/")[1:]:
            place = place[int(part) if isinstance(place, list) else part]
        place[int(last) if isinstance(place, list) else last] = value
        assert list(control(bad, {})), path
        assert restricted.violations(bad) == list(control(bad, {})), "and no other control is concerned"


def test_restricted_profile_looks_at_every_container_and_at_annotations() -> None:
    spec = pod(whole())
    for field in ("initContainers", "ephemeralContainers"):
        told = restricted.violations(spec | {field: [{"name": "helper", "image": "x"}]})
        assert len(told) == 2, "neither allowPrivilegeEscalation nor capabilities can be said for all containers"
        assert all(text.startswith(f"{field}[helper]") for text in told)
    assert restricted.violations(spec, {f"{restricted.APPARMOR}sentiment": "unconfined"})
    assert not restricted.violations(spec, {f"{restricted.APPARMOR}sentiment": "localhost/mine"})


def test_restricted_profile_refuses_an_empty_pod() -> None:
    told = restricted.violations({"containers": [{"name": "a", "image": "b"}]})
    assert {text.split(": ")[1].split()[0] for text in told} == {
        "allowPrivilegeEscalation",
        "runAsNonRoot",
        "seccompProfile.type",
        "capabilities.drop",
    }


def test_namespace_enforces_the_restricted_profile() -> None:
    labels = one(whole(), "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def kustomize() -> list[str]:
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    pytest.skip("neither kustomize nor kubectl: `apt-get install kustomize` brings the first")


def by_name(resources: list[Resource]) -> dict[tuple[str, str], Resource]:
    return {(resource["kind"], resource["metadata"]["name"]): resource for resource in resources}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of deploy/, with the overlay of docs/kubernetes.md in it."""
    deploy = tmp_path_factory.mktemp("copy") / "deploy"
    shutil.copytree(ROOT / "deploy", deploy)
    overlay = deploy / "kubernetes/overlays/production"
    overlay.mkdir()
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    images = (
        "namespace: elsewhere\nimages:\n  - name: review-sentiment\n    newName: registry.test/rs\n    newTag: '7'\n"
    )
    (overlay / "kustomization.yaml").write_text(example + images)
    return overlay


@pytest.mark.parametrize("folder", manifests.kustomizations(), ids=lambda folder: str(folder.relative_to(ROOT)))
def test_rendering_is_that_of_kustomize(folder: Path, tmp_path: Path) -> None:
    done = subprocess.run([*kustomize(), str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "rendered.yaml"
    path.write_text(done.stdout)
    assert by_name(render(folder)) == by_name(documents(path))
    assert not manifests.problems(documents(path))


def test_rendering_of_the_documented_overlay_is_that_of_kustomize(production: Path, tmp_path: Path) -> None:
    test_rendering_is_that_of_kustomize(production, tmp_path)


def test_documented_overlay_holds_all_components(production: Path) -> None:
    resources = render(production)
    assert not manifests.problems(resources)
    assert len(resources) == len(whole())
    assert container(resources)["image"] == "registry.test/rs:7"
    assert "SENTIMENT_API_KEYS_FILE" in variables(container(resources))
    assert len(one(resources, "HorizontalPodAutoscaler")["spec"]["metrics"]) == 2
    namespaced = [resource for resource in resources if resource["kind"] != "Namespace"]
    assert {resource["metadata"]["namespace"] for resource in namespaced} == {"elsewhere"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("resources: [a.yaml]\ncommonLabels: {a: b}", "commonLabels"),
        ("resources: [a.yaml]\npatches: [{target: {kind: Pod, name: b}, patch: '[]'}]", "no Pod b"),
        ("resources: [a.yaml]\npatches: [{target: {kind: Pod}, patch: '[]'}]", "target"),
        ("resources: [nowhere]", "no kustomization"),
        ("resources: [a.yaml]\nimages: [{name: x, digest: y}]", "image"),
        (
            "resources: [a.yaml]\npatches: [{target: {kind: Pod, name: a}, patch: '[{op: remove, path: /b}]'}]",
            "meets nothing",
        ),
        (
            "resources: [a.yaml]\npatches: [{target: {kind: Pod, name: a}, patch: '[{op: move, path: /b, from: /c}]'}]",
            "not understood",
        ),
    ],
)
def test_rendering_refuses_what_it_does_not_understand(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.yaml").write_text("kind: Pod\nmetadata: {name: a}\n")
    (tmp_path / "kustomization.yaml").write_text(text)
    with pytest.raises(KustomizationError, match=told):
        render(tmp_path)


@pytest.mark.parametrize("name", SERVERS)
def test_settings_exist_and_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = SERVERS[name]
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    assert set(variables(server)) <= known
    settings = settings_of(server, monkeypatch, tmp_path)
    assert settings.host == "0.0.0.0", "or neither probes nor Prometheus reach it"
    assert settings.workers == 1
    assert settings.runtime == ("tensorflow" if name == "tensorflow" else "litert")
    assert settings.metrics_port not in {None, settings.port}


@pytest.mark.parametrize("name", SERVERS)
def test_probes_ask_routes_of_the_service(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = SERVERS[name]
    settings = settings_of(server, monkeypatch, tmp_path)
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    paths = create_app(settings).openapi()["paths"]
    for kind in ("livenessProbe", "readinessProbe", *(["startupProbe"] if name in OVERLAYS else [])):
        asked = server[kind]["httpGet"]
        assert "get" in paths[asked["path"]]
        assert ports.get(asked["port"], asked["port"]) == settings.port
        assert asked["path"].endswith("live" if kind == "livenessProbe" else "ready")


@pytest.mark.parametrize("name", SERVERS)
def test_ports_are_those_of_the_settings(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = SERVERS[name]
    settings = settings_of(server, monkeypatch, tmp_path)
    expected = {"http": settings.port, "metrics": settings.metrics_port}
    if name not in OVERLAYS:
        expected = {"http1": settings.port}
        annotations = one(render(KSERVE / "standard"), "ServingRuntime")["spec"]["annotations"]
        assert annotations["prometheus.kserve.io/port"] == str(settings.metrics_port)
        assert annotations["prometheus.kserve.io/path"] == "/metrics"
    assert {port["name"]: port["containerPort"] for port in server["ports"]} == expected


@pytest.mark.parametrize("name", ["tensorflow", "litert", "kserve"])
def test_grace_covers_sleep_drain_and_shutdown(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = SERVERS[name]
    settings = settings_of(server, monkeypatch, tmp_path)
    of_its_own, collector = 2, 7  # docs/operations.md, "Time to stop"
    asleep = server["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = asleep + settings.drain + settings.shutdown_timeout + of_its_own + collector
    spec = (
        pod(whole(OVERLAYS[name]))
        if name in OVERLAYS
        else one(render(KSERVE / "standard"), "InferenceService", "imdb")["spec"]["predictor"]
    )
    assert needed <= spec["terminationGracePeriodSeconds"] <= needed + 10
    assert f"| {asleep} | SIGTERM" in PAGE
    assert f"| {asleep + settings.drain:.0f} | It stops listening" in PAGE
    assert f"| {asleep + settings.drain + settings.shutdown_timeout:.0f} | At the latest" in PAGE
    assert f"| {spec['terminationGracePeriodSeconds']} | `terminationGracePeriodSeconds`" in PAGE


@pytest.mark.parametrize("runtime", OVERLAYS)
def test_resources_come_from_the_measurements(runtime: str) -> None:
    resources = SERVERS[runtime]["resources"]
    requested = quantity(resources["requests"]["memory"])
    headroom = {"tensorflow": 1.25, "litert": 1.5}[runtime]
    assert sizing.memory(runtime) * headroom <= requested <= sizing.memory(runtime) * headroom * 1.1
    most = sizing.most_memory(runtime)
    assert most <= quantity(resources["limits"]["memory"]) <= most * 1.25
    assert resources["requests"]["cpu"] == "1"
    assert "cpu" not in resources["limits"]
    patience = SERVERS[runtime]["startupProbe"]
    assert patience["periodSeconds"] * patience["failureThreshold"] >= BEYOND * sizing.cold_start(runtime)
    assert resources["requests"]["memory"].replace("Mi", " MiB") in PAGE


def test_roll_out_waits_longer_than_a_pod_for_its_start() -> None:
    for overlay in OVERLAYS.values():
        deployment = one(render(overlay), "Deployment")["spec"]
        patience = container(render(overlay))["startupProbe"]
        start = patience["periodSeconds"] * patience["failureThreshold"]
        assert deployment["progressDeadlineSeconds"] > start + deployment["minReadySeconds"]
        assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert "replicas" not in deployment, "they are the autoscaler's"


def test_worker_uses_the_core_that_it_requests() -> None:
    """What the autoscaler's percentage stands on, and the sentence in docs/kubernetes.md."""
    cores = [
        typical(sizing.RESULTS, f"{runtime}, 1 worker", "loads", load, "reviews_a_second")
        * typical(sizing.RESULTS, f"{runtime}, 1 worker", "loads", load, "cpu_a_thousand")
        / 1000
        for runtime in sizing.RUNTIMES
        for load in sizing.LOADS.values()
    ]
    assert f"A worker uses {min(cores):.2f} to {max(cores):.2f} cores" in PAGE


def test_pods_keep_to_themselves() -> None:
    spec = pod(whole())
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "or a Service named sentiment would set SENTIMENT_PORT"
    context = spec["securityContext"]
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}" in DOCKERFILE
    for server in SERVERS.values():
        assert server["securityContext"]["readOnlyRootFilesystem"] is True
    assert {"name": "tmp", "mountPath": "/tmp"} in container(whole())["volumeMounts"]


def test_volumes_and_mounts_belong_together() -> None:
    spec = pod(whole())
    (server,) = spec["containers"]
    assert {mount["name"] for mount in server["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}


def test_keys_are_mounted_where_the_setting_says() -> None:
    spec = pod(whole())
    (server,) = spec["containers"]
    (volume,) = [volume for volume in spec["volumes"] if "secret" in volume]
    (mount,) = [mount for mount in server["volumeMounts"] if mount["name"] == volume["name"]]
    (item,) = volume["secret"]["items"]
    assert variables(server)["SENTIMENT_API_KEYS_FILE"] == f"{mount['mountPath']}/{item['path']}"
    command = (KUBERNETES / "components/api-keys/kustomization.yaml").read_text()
    assert f"secret generic {volume['secret']['secretName']} --from-file={item['key']}" in command
    assert "SENTIMENT_API_KEYS_FILE" not in variables(container(render(OVERLAYS["litert"])))


def selectors(resources: list[Resource]) -> Iterator[tuple[str, dict[str, str]]]:
    """Everything that selects the pods."""
    for resource in resources:
        spec = resource.get("spec", {})
        name = f"{resource['kind']} {resource['metadata']['name']}"
        if resource["kind"] == "Service":
            yield name, spec["selector"]
        if resource["kind"] in {"Deployment", "PodDisruptionBudget"}:
            yield name, spec["selector"]["matchLabels"]
        if resource["kind"] == "NetworkPolicy":
            yield name, spec["podSelector"]["matchLabels"]
    for constraint in pod(resources)["topologySpreadConstraints"]:
        yield constraint["topologyKey"], constraint["labelSelector"]["matchLabels"]


def test_selectors_are_the_labels_of_the_pods() -> None:
    resources = whole()
    labels = one(resources, "Deployment")["spec"]["template"]["metadata"]["labels"]
    found = dict(selectors(resources))
    assert len(found) == 9
    for name, selector in found.items():
        assert selector, f"{name} would select everything"
        assert selector.items() <= labels.items(), name


def test_metrics_are_apart_from_the_service() -> None:
    resources = whole()
    (port,) = one(resources, "Service")["spec"]["ports"]
    assert port["targetPort"] == "http"
    (port,) = one(resources, "Service", "review-sentiment-metrics")["spec"]["ports"]
    assert port["targetPort"] == "metrics"
    settings = variables(container(resources))
    assert str(port["port"]) == settings["SENTIMENT_METRICS_PORT"]
    opened = {
        resource["metadata"]["name"]: [port["port"] for rule in resource["spec"]["ingress"] for port in rule["ports"]]
        for resource in resources
        if resource["kind"] == "NetworkPolicy"
    }
    assert opened == {
        "review-sentiment": ["http"],
        "review-sentiment-ingress": ["http"],
        "review-sentiment-metrics": ["metrics"],
    }
    assert one(resources, "NetworkPolicy")["spec"]["egress"] == []
    assert "Egress" in one(resources, "NetworkPolicy")["spec"]["policyTypes"]
    for resource in resources:
        if resource["kind"] == "NetworkPolicy":
            assert all(rule["from"] for rule in resource["spec"]["ingress"]), "an empty `from` is everyone"


def test_ingress_has_the_limits_of_the_balancer() -> None:
    """Every number of the Ingress and of its controller is the one in deploy/nginx.conf."""
    nginx = dict(re.findall(r"^ *([a-z_]+) (.+?)s?;$", (ROOT / "deploy/nginx.conf").read_text(), re.MULTILINE))
    ingress = one(whole(), "Ingress")
    prefix = "nginx.ingress.kubernetes.io/"
    set_ = {name.removeprefix(prefix): value for name, value in ingress["metadata"]["annotations"].items()}
    assert f"connections {set_.pop('limit-connections')}" == nginx["limit_conn"]
    assert f"rate={set_.pop('limit-rps')}r/" in nginx["limit_req_zone"]
    assert set_.pop("proxy-body-size") == nginx["client_max_body_size"]
    assert (set_.pop("proxy-request-buffering"), set_.pop("proxy-buffering")) == ("on", "on")
    del set_["limit-burst-multiplier"]
    assert len(set_) == 5
    for name, value in set_.items():
        assert value == nginx[name.replace("-", "_")], name
    values = yaml.safe_load((KUBERNETES / "components/ingress/controller-values.yaml").read_text())
    config = values["controller"]["config"]
    for name in ("client-header-timeout", "client-body-timeout", "large-client-header-buffers"):
        assert config[name] == nginx[name.replace("-", "_")], name
    assert config["limit-conn-status-code"] == nginx["limit_conn_status"]
    assert config["limit-req-status-code"] == nginx["limit_req_status"]
    assert config["http-snippet"] == f"send_timeout {nginx['send_timeout']}s;"


def test_ingress_leads_to_the_service() -> None:
    resources = whole()
    (rule,) = one(resources, "Ingress")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    service = one(resources, "Service", path["backend"]["service"]["name"])
    assert path["backend"]["service"]["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}


def test_monitor_finds_the_metrics_and_names_the_job_of_the_alerts() -> None:
    resources = whole()
    monitor = one(resources, "ServiceMonitor")["spec"]
    selected = [
        resource
        for resource in resources
        if resource["kind"] == "Service"
        and monitor["selector"]["matchLabels"].items() <= resource["metadata"]["labels"].items()
    ]
    (service,) = selected
    (endpoint,) = monitor["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    (job,) = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert endpoint["path"] == job["metrics_path"]
    (relabeling,) = endpoint["relabelings"]
    assert (relabeling["targetLabel"], relabeling["replacement"]) == ("job", job["job_name"])


def test_autoscaler_aims_at_what_the_sizing_reckons_with() -> None:
    scaler = one(render(OVERLAYS["litert"]), "HorizontalPodAutoscaler")["spec"]
    (cpu,) = scaler["metrics"]
    assert cpu["resource"]["target"]["averageUtilization"] == round(sizing.UTILISATION * 100)
    assert scaler["minReplicas"] == sizing.SPARE + 1
    deployment = one(whole(), "Deployment")
    target = scaler["scaleTargetRef"]
    assert (target["apiVersion"], target["kind"], target["name"]) == (
        deployment["apiVersion"],
        deployment["kind"],
        deployment["metadata"]["name"],
    )


def test_autoscaler_reads_the_queue_through_the_adapter() -> None:
    _, queue = one(whole(), "HorizontalPodAutoscaler")["spec"]["metrics"]
    limits = Settings.model_construct()
    target = int(queue["pods"]["target"]["averageValue"])
    assert limits.max_reviews < target <= limits.max_waiting / 2, (
        "one full request is no queue, and shedding is too late"
    )
    values = yaml.safe_load((KUBERNETES / "components/queue-autoscaling/prometheus-adapter.yaml").read_text())
    (rule,) = values["rules"]["custom"]
    assert rule["seriesQuery"].partition("{")[0] == queue["pods"]["metric"]["name"]
    assert set(rule["resources"]["overrides"]) == {"namespace", "pod"}


def test_budget_lets_one_pod_go() -> None:
    spec = one(whole(), "PodDisruptionBudget")["spec"]
    assert spec["maxUnavailable"] < one(whole(), "HorizontalPodAutoscaler")["spec"]["minReplicas"]


def test_images_are_stages_of_the_dockerfile() -> None:
    for server in SERVERS.values():
        name, tag = server["image"].split(":")
        assert name == "review-sentiment"
        assert stage(tag)
        assert server["imagePullPolicy"] == "IfNotPresent"
    assert DOCKERFILE.rstrip().rpartition("\nFROM ")[2].startswith("service AS tensorflow"), "the default stage"


@pytest.mark.parametrize("mode", ["standard", "knative"])
def test_kserve_serves_the_bundle_by_the_protocol(mode: str) -> None:
    resources = render(KSERVE / mode)
    runtime = one(resources, "ServingRuntime")
    (bundle,) = {json.loads(path.read_text())["name"] for path in (ROOT / "models").glob("*/*/manifest.json")}
    service = one(resources, "InferenceService", bundle)
    model = service["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert model["modelFormat"].items() <= runtime["spec"]["supportedModelFormats"][0].items()
    assert "storageUri" not in model
    assert "securityContext" not in model, "it would take the place of the runtime's"
    (server,) = runtime["spec"]["containers"]
    assert server["name"] == "kserve-container"
    expected = copy.deepcopy(SERVERS["litert"]["resources"])
    expected["limits"]["cpu"] = "2"
    assert model["resources"] == expected
    assert "resources" not in server, "KServe's own would take their place"
    assert f"/v2/models/{bundle}/infer" in PAGE


def test_kserve_modes_are_scaled_by_what_they_know() -> None:
    standard = one(render(KSERVE / "standard"), "InferenceService", "imdb")
    scaler = one(render(OVERLAYS["litert"]), "HorizontalPodAutoscaler")["spec"]
    predictor = standard["spec"]["predictor"]
    assert standard["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == (
        "cpu",
        scaler["metrics"][0]["resource"]["target"]["averageUtilization"],
    )
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (scaler["minReplicas"], scaler["maxReplicas"])
    knative = one(render(KSERVE / "knative"), "InferenceService", "imdb")
    assert knative["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Knative"}
    assert knative["spec"]["predictor"]["scaleMetric"] == "concurrency"
    assert str(knative["spec"]["predictor"]["scaleTarget"]) == sizing.LOADS["one a request"]


def test_knative_gets_only_fields_that_it_allows() -> None:
    assert set(SERVERS["knative"]) <= KNATIVE
    assert not set(SERVERS["kserve"]) <= KNATIVE, "then the overlay has nothing to take away"
    assert len(SERVERS["knative"]["ports"]) == 1
    predictor = one(render(KSERVE / "knative"), "InferenceService", "imdb")["spec"]["predictor"]
    assert "terminationGracePeriodSeconds" not in predictor


def test_document_has_the_replicas_that_the_measurements_give() -> None:
    assert f"{sizing.BEGIN}\n{sizing.table()}\n{sizing.END}" in PAGE
    for runtime in sizing.RUNTIMES:
        assert f"{sizing.cold_start(runtime):.1f} s with" in PAGE
        single, batches = (
            typical(sizing.RESULTS, f"{runtime}, 1 worker", "loads", load, "reviews_a_second")
            for load in sizing.LOADS.values()
        )
        assert batches > 2 * single, "one request of 64 reviews costs less than half of 64 requests"


@pytest.mark.parametrize("load", sizing.LOADS.values(), ids=list(sizing.LOADS))
@pytest.mark.parametrize("runtime", sizing.RUNTIMES)
@pytest.mark.parametrize("wanted", sizing.WANTED)
def test_replicas_are_enough_and_no_more(runtime: str, load: str, wanted: int) -> None:
    count = sizing.replicas(runtime, load, wanted)
    assert count >= sizing.SPARE + 1
    each = wanted / (count - sizing.SPARE)
    assert each <= sizing.UTILISATION * sizing.capacity(runtime, load), "with one away, still within the aim"
    fewer = count - sizing.SPARE - 1
    assert fewer == 0 or wanted / fewer > sizing.UTILISATION * sizing.capacity(runtime, load)


def test_document_names_what_there_is() -> None:
    for path in re.findall(r"\bdeploy/(?:kubernetes|kserve)/[\w/.-]*\w", PAGE):
        assert (ROOT / path).exists() or path.startswith("deploy/kubernetes/overlays/production"), path
    for link in re.findall(r"\]\((\.\./[^)#]+|[\w/]+\.md)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
    assert f"Kubernetes {manifests.KUBERNETES}" in PAGE.replace("\n", " ")
