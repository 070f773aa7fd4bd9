"""`python -m tests.deploy.rules`: write the PrometheusRule with the alerts; run it after every change to alerts.yml.

kustomize can put a file into a ConfigMap, but not into another resource's spec.
"""

import textwrap

from tests.deploy.manifests import DEPLOY

SOURCE = DEPLOY / "prometheus/alerts.yml"
TARGET = DEPLOY / "kubernetes/components/alerts/prometheusrule.yaml"
HEAD = """\
# Generated from deploy/prometheus/alerts.yml by `python -m tests.deploy.rules`; do not edit.
#
# Some installations only use rules with a certain label (`release: …`); add it in your overlay.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: review-sentiment
  labels:
    app.kubernetes.io/name: review-sentiment
spec:
"""


def resource() -> str:
    """Return the PrometheusRule as YAML: its spec has the structure of a file of rules."""
    return HEAD + textwrap.indent(SOURCE.read_text(), "  ")


if __name__ == "__main__":
    TARGET.write_text(resource())
