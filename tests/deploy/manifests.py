"""Are the manifests valid for a current Kubernetes, and their pods restricted ones?

Every kustomization under deploy/ is rendered, the overlays with all components as well. Kubernetes' own kinds are held
against its schemas (the package kubernetes-validate), the others against those of their definitions in schemas/; fields
that a schema does not name are errors. Needs Python packages only.
"""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]  # its stubs are no requirement of this project
import kubernetes_validate  # type: ignore[import-untyped,unused-ignore]  # it has none
import yaml  # type: ignore[import-untyped,unused-ignore]
from referencing import Registry
from referencing import Resource as Referenced

from tests.deploy.kustomize import KustomizationError, Resource, render
from tests.deploy.restricted import violations

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES = "1.37"
"""The newest whose schemas kubernetes-validate has."""


def kustomizations(kind: str = "Kustomization") -> list[Path]:
    """The folders of all kustomizations, or of all components."""
    found = sorted(path for path in DEPLOY.rglob("kustomization.yaml"))
    return [path.parent for path in found if yaml.safe_load(path.read_text())["kind"] == kind]


def problems(resources: list[Resource]) -> list[str]:
    """What is wrong with resources: fields that their schemas do not allow, pods that are not restricted."""
    found = []
    for resource in resources:
        name = f"{resource.get('kind')} {resource.get('metadata', {}).get('name')}"
        found += [f"{name}: {told}" for told in invalid(resource)]
        found += [f"{name}: {told}" for pod, notes in pods(resource) for told in violations(pod, notes)]
    return found


def invalid(resource: Resource) -> Iterator[str]:
    """Where a resource does not fit its schema."""
    group = resource["apiVersion"].split("/")[0]
    if (SCHEMAS / f"{group}.json").is_file():
        for error in definition(group, resource["kind"]).iter_errors(resource):
            yield f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        return
    try:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        yield error.message


@functools.cache
def definition(group: str, kind: str) -> Any:
    """The validator of a kind that is not Kubernetes' own."""
    schema = json.loads((SCHEMAS / f"{group}.json").read_text())
    folder = Path(kubernetes_validate.__file__).parent / f"kubernetes-json-schema/v{KUBERNETES}.0-local-strict"
    kubernetes = json.loads((folder / "_definitions.json").read_text())
    registry = Registry().with_resources(
        (contents["$id"], Referenced.from_contents(contents)) for contents in (schema, kubernetes)
    )
    return jsonschema.Draft202012Validator({"$ref": f"{schema['$id']}#/$defs/{kind}"}, registry=registry)


def pods(resource: Resource) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """The pods that a resource makes: their spec and annotations."""
    spec = resource.get("spec") or {}
    if "template" in spec:
        yield spec["template"]["spec"], spec["template"].get("metadata", {}).get("annotations") or {}
    elif resource["kind"] == "ServingRuntime":
        yield spec, spec.get("annotations") or {}
    elif resource["kind"] == "InferenceService":
        # Its containers are the runtime's; of its own it can still ask for the host's namespaces or volumes.
        predictor = spec["predictor"]
        yield predictor, predictor.get("annotations") or {}


def check() -> dict[str, list[str]]:
    """Every rendering, with what is wrong with it."""
    checked: list[tuple[Path, list[Path]]] = [(folder, []) for folder in kustomizations()]
    checked += [
        (overlay, kustomizations("Component")) for overlay in sorted((DEPLOY / "kubernetes/overlays").iterdir())
    ]
    found = {}
    for folder, components in checked:
        name = " + ".join([str(folder.relative_to(DEPLOY.parent)), *(component.name for component in components)])
        try:
            found[name] = problems(render(folder, *components))
        except KustomizationError as error:
            found[name] = [str(error)]
    return found
