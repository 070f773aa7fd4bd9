"""Checks the manifests against the schemas of a current Kubernetes, and their pods against the restricted profile.

Every kustomization under deploy/ is rendered, the overlays with all components as well. Kubernetes' own kinds have
schemas in the package kubernetes-validate, the others in schemas/. Fields that a schema does not name are errors.
"""

import functools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]  # its stubs are not a requirement of this project
import kubernetes_validate  # type: ignore[import-untyped,unused-ignore]  # it has none
import yaml  # type: ignore[import-untyped,unused-ignore]
from referencing import Registry
from referencing import Resource as Contents

from tests.deploy.kustomize import Resource, render

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES = "1.37"
"""The newest version with schemas in kubernetes-validate."""

REQUIRED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
ALLOWED = {*REQUIRED, "runAsUser", "runAsGroup", "readOnlyRootFilesystem"}
VOLUMES = {"name", "emptyDir", "secret"}


def kustomizations(kind: str = "Kustomization") -> list[Path]:
    """List the folders of all kustomizations, or of all components."""
    paths = sorted(DEPLOY.rglob("kustomization.yaml"))
    return [path.parent for path in paths if yaml.safe_load(path.read_text())["kind"] == kind]


def problems(resource: Resource) -> list[str]:
    """Report the fields of a resource that its schema rejects, and what its pods do that is not restricted."""
    name = f"{resource['kind']} {resource['metadata']['name']}"
    return [f"{name}: {problem}" for problem in (*invalid(resource), *violations(pod_of(resource)))]


def invalid(resource: Resource) -> Iterator[str]:
    """Report where a resource does not match its schema."""
    group = resource["apiVersion"].split("/")[0]
    try:
        if (SCHEMAS / f"{group}.json").is_file():
            definition(group, resource["kind"]).validate(resource)
        else:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        yield error.message


@functools.cache
def definition(group: str, kind: str) -> Any:
    """Make the validator of a custom resource."""
    schema = json.loads((SCHEMAS / f"{group}.json").read_text())
    folder = Path(kubernetes_validate.__file__).parent / f"kubernetes-json-schema/v{KUBERNETES}.0-local-strict"
    kubernetes = json.loads((folder / "_definitions.json").read_text())
    registry = Registry().with_resources((part["$id"], Contents.from_contents(part)) for part in (schema, kubernetes))
    return jsonschema.Draft202012Validator({"$ref": f"{schema['$id']}#/$defs/{kind}"}, registry=registry)


def pod_of(resource: Resource) -> dict[str, Any]:
    """Return the pod's spec, or {} for a resource that starts no pods."""
    spec: dict[str, Any] = resource.get("spec", {})
    if resource["kind"] == "InferenceService":
        return dict(spec["predictor"])  # its containers are those of the ServingRuntime
    return dict(spec["template"]["spec"]) if "template" in spec else spec if "containers" in spec else {}


def violations(spec: dict[str, Any]) -> Iterator[str]:
    """Report what violates the restricted Pod Security Standard, and other privileges that this service does not need.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"{field} is set"
    for volume in spec.get("volumes", []):
        if forbidden := volume.keys() - VOLUMES:
            yield f"volumes: {', '.join(forbidden)}"
    pod = spec.get("securityContext", {})
    contexts = {"pod": REQUIRED | pod}
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind, []):
            contexts[container["name"]] = pod | container.get("securityContext", {})
            for field in re.findall(r'"(host|hostPort)":', json.dumps(container)):  # of ports, probes and hooks
                yield f"{container['name']}: {field} is set"
    for name, context in contexts.items():
        for field, value in REQUIRED.items():
            if context.get(field) != value:
                yield f"{name}: {field} is not {value}"
        for field in context.keys() - ALLOWED:  # each of them could only grant more
            yield f"{name}: {field} is set"
        if context.get("runAsUser") == 0:
            yield f"{name}: runAsUser is 0"


def check() -> dict[str, list[str]]:
    """Render everything; returns what is wrong, by rendering."""
    components = kustomizations("Component")
    folders = kustomizations()
    renderings: list[list[Path]] = [[folder] for folder in folders]
    renderings += [[folder, *components] for folder in folders if folder.parent.name == "overlays"]
    found = {}
    for folder, *added in renderings:
        name = " + ".join([str(folder.relative_to(DEPLOY.parent)), *(component.name for component in added)])
        try:
            found[name] = [problem for resource in render(folder, *added) for problem in problems(resource)]
        except subprocess.CalledProcessError as error:
            found[name] = [error.stderr]
    return found
