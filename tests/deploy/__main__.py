"""`python -m tests.deploy`: check that the Kubernetes manifests are valid and their pods restricted."""

import sys

from tests.deploy.kustomize import command
from tests.deploy.manifests import KUBERNETES, check


def main() -> None:
    """Exit with 1 if anything is wrong."""
    if command() is None:
        print("The manifests were not checked: install kustomize or kubectl.", file=sys.stderr)
        return
    renderings = check()
    problems = [f"{name}: {problem}" for name, found in renderings.items() for problem in found]
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(renderings)} renderings of deploy/ are valid for Kubernetes {KUBERNETES}, and their pods restricted")


if __name__ == "__main__":
    main()
