"""The manifests and the alert for a canary (docs/how-to/kubernetes.md) work."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are not a requirement of this project

from tests.deploy.kustomize import command, render
from tests.deploy.manifests import DEPLOY, problems
from tests.deploy.test_observability import promtool
from tests.servers import ROOT

PAGE = (ROOT / "docs/how-to/kubernetes.md").read_text()
_, ROUTE = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
RULES = DEPLOY / "prometheus/canary.yml"
CANARY = "review-sentiment-canary"


def cumulative(namespace: str, job: str, half: int) -> list[dict[str, str]]:
    """100 reviews per minute, of which `half` have a probability of at most 0.5."""
    labels = f'namespace="{namespace}",job="{job}",instance="a",version="1"'
    shares = {'bucket{le="0.5",': half, 'bucket{le="+Inf",': 100, "count{": 100}
    return [
        {"series": f"sentiment_positive_probability_{start}{labels}}}", "values": f"0+{step}x120"}
        for start, step in shares.items()
    ]


@pytest.mark.skipif(command() is None, reason="neither kustomize nor kubectl: `apt-get install kustomize`")
def test_overlay_is_separate_from_the_stable_deployment() -> None:
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


@pytest.mark.parametrize(("half", "raised"), [(60, False), (70, True)])
def test_alert_compares_the_distributions(tmp_path: Path, half: int, raised: bool) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    expected = [{"labels": '{namespace="production"}', "value": 1}] if raised else []
    case = {
        "interval": "1m",
        "input_series": [
            *cumulative("production", "sentiment", 50),
            *cumulative("production", "sentiment-canary", half),
            *cumulative("staging", "sentiment", 20),  # differs from both
        ],
        "promql_expr_test": [
            {
                "expr": 'count by (namespace) (ALERTS{alertstate="firing"})',
                "eval_time": "2h",
                "exp_samples": expected,
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": [case]}))
    promtool("test", "rules", tmp_path / "test.yml")
