"""What `kustomize build` makes of the kustomizations here, for machines without it.

Only what they use: resources, components, patches by operations (RFC 6902), images and the namespace. Anything else is
an error, and a test compares each rendering with kustomize's own where that is installed.
"""

import copy
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are no requirement of this project

Resource = dict[str, Any]
KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "patches", "images"}
CLUSTER_WIDE = {"Namespace"}


class KustomizationError(Exception):
    """A kustomization asks for something that is not understood here, or cannot be done."""


def render(folder: Path, *components: Path) -> list[Resource]:
    """All resources of a kustomization, in the order in which they are named.

    Args:
        folder: Where its kustomization.yaml is.
        components: What an overlay of it would add, in order.

    Raises:
        KustomizationError: It is no kustomization, uses other features, or a patch meets nothing.
    """
    resources = _apply(folder, [])
    for component in components:
        resources = _apply(component, resources)
    return resources


def documents(path: Path) -> list[Resource]:
    """The resources of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def patched(resource: Resource, operations: list[dict[str, Any]]) -> Resource:
    """A copy of a resource after operations of RFC 6902: add, replace, remove."""
    resource = copy.deepcopy(resource)
    for operation in operations:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        try:
            place: Any = resource
            for part in parents:
                place = place[int(part) if isinstance(place, list) else part]
            _operate(place, last, operation)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise KustomizationError(f"{operation['op']} {operation['path']} meets nothing") from error
    return resource


def _operate(place: Any, last: str, operation: dict[str, Any]) -> None:
    if isinstance(place, list) and operation["op"] == "add" and last == "-":
        place.append(copy.deepcopy(operation["value"]))
        return
    key = int(last) if isinstance(place, list) else last
    if operation["op"] == "add" and isinstance(place, dict):
        place[key] = copy.deepcopy(operation["value"])
    elif operation["op"] == "replace":
        place[key]  # has to be there
        place[key] = copy.deepcopy(operation["value"])
    elif operation["op"] == "remove":
        del place[key]
    else:
        raise KustomizationError(f"{operation['op']} {operation['path']} is not understood here")


def _apply(folder: Path, resources: list[Resource]) -> list[Resource]:
    path = folder / "kustomization.yaml"
    if not path.is_file():
        raise KustomizationError(f"{folder} has no kustomization.yaml")
    kustomization = yaml.safe_load(path.read_text())
    if foreign := set(kustomization) - KNOWN:
        raise KustomizationError(f"{path} uses {', '.join(sorted(foreign))}, which is not understood here")
    for name in kustomization.get("resources", []):
        found = folder / name
        resources = resources + (documents(found) if found.is_file() else render(found))
    for name in kustomization.get("components", []):
        resources = _apply(folder / name, resources)
    for patch in kustomization.get("patches", []):
        resources = _patch(resources, patch)
    for image in kustomization.get("images", []):
        if not {"name"} < set(image) <= {"name", "newName", "newTag"}:
            raise KustomizationError(f"{path}: an image has a name, and a newName, a newTag or both")
        for resource in resources:
            _set_image(resource, image)
    if namespace := kustomization.get("namespace"):
        for resource in resources:
            metadata = resource["metadata"]
            metadata["name" if resource["kind"] in CLUSTER_WIDE else "namespace"] = namespace
    return resources


def _patch(resources: list[Resource], patch: dict[str, Any]) -> list[Resource]:
    target = patch["target"]
    if set(patch) != {"target", "patch"} or set(target) != {"kind", "name"}:
        raise KustomizationError("patches need a target of kind and name, and operations in place")

    def meant(resource: Resource) -> bool:
        return (resource["kind"], resource["metadata"]["name"]) == (target["kind"], target["name"])

    if not any(map(meant, resources)):
        raise KustomizationError(f"no {target['kind']} {target['name']} to patch")
    operations = yaml.safe_load(patch["patch"])
    return [patched(resource, operations) if meant(resource) else resource for resource in resources]


def _set_image(node: Any, image: dict[str, str]) -> None:
    if isinstance(node, dict):
        for container in node.get("containers") or []:
            name, _, tag = container["image"].partition(":")
            if name == image["name"]:
                tag = str(image.get("newTag", tag))
                container["image"] = image.get("newName", name) + (f":{tag}" if tag else "")
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            _set_image(child, image)
