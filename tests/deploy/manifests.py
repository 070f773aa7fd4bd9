"""Renders manifests and checks them: against the schemas of a current Kubernetes, and pods to be restricted.

Kubernetes' own kinds have schemas in the package kubernetes-validate, the others in schemas/. Fields that a schema does
not name are errors.
"""

import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]  # its stubs are not a requirement of this project
import kubernetes_validate  # type: ignore[import-untyped,unused-ignore]  # it has none
import yaml  # type: ignore[import-untyped,unused-ignore]
from referencing import Registry
from referencing import Resource as Contents

Resource = dict[str, Any]

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES = "1.37"
"""The newest version with schemas in kubernetes-validate."""

RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def command() -> list[str] | None:
    """Return the command that renders a folder, or None if none is installed."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None


@functools.cache
def render(folder: Path, *components: Path) -> list[Resource]:
    """Render a kustomization, with components added to it as an overlay would."""
    with tempfile.TemporaryDirectory() as overlay:

        def relative(*paths: Path) -> list[str]:
            return [os.path.relpath(path.resolve(), Path(overlay).resolve()) for path in paths]

        kustomization = {"resources": relative(folder), "components": relative(*components)}
        (Path(overlay) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        build = [*(command() or ["kustomize", "build"]), overlay]
        rendered = subprocess.run(build, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    return list(yaml.safe_load_all(rendered))


def kustomizations(kind: str = "Kustomization") -> list[Path]:
    """List the folders of all kustomizations, or of all components."""
    paths = sorted(DEPLOY.rglob("kustomization.yaml"))
    return [path.parent for path in paths if yaml.safe_load(path.read_text())["kind"] == kind]


def problems(resource: Resource) -> list[str]:
    """Report the fields of a resource that its schema rejects, and what its pods lack to be restricted."""
    name = f"{resource['kind']} {resource['metadata']['name']}"
    return [f"{name}: {problem}" for problem in (*invalid(resource), *violations(resource))]


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


def violations(resource: Resource) -> Iterator[str]:
    """Report what the restricted Pod Security Standard requires and a container lacks.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    spec = resource.get("spec", {})
    pod = spec["template"]["spec"] if "template" in spec else spec
    for container in pod.get("containers", []):
        context = pod.get("securityContext", {}) | container.get("securityContext", {})
        for field, value in RESTRICTED.items():
            if context.get(field) != value:
                yield f"{container['name']}: {field} is not {value}"
