"""`python -m tests.deploy`: is what is in deploy/ for Kubernetes valid, and do its pods meet the restricted profile?"""

import sys

from tests.deploy.manifests import KUBERNETES, check


def main() -> int:
    """Check all of it; returns the exit code."""
    renderings = check()
    for name, problems in renderings.items():
        for problem in problems:
            print(f"{name}: {problem}", file=sys.stderr)
    if any(renderings.values()):
        return 1
    print(f"{len(renderings)} renderings of deploy/ are valid for Kubernetes {KUBERNETES}, their pods restricted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
