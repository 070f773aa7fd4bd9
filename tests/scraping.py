"""Reads /metrics."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import PATIENCE

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(url: str) -> Numbers:
    return numbers_in(httpx.get(f"{url}/metrics", timeout=PATIENCE).raise_for_status().text)


def numbers_in(exposition: str) -> Numbers:
    families = text_string_to_metric_families(exposition)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def number(numbers: Numbers, metric: str, /, **labels: str) -> float:
    """The value of the only series of a metric that has these labels, whatever other labels it has."""
    found = [value for (name, has), value in numbers.items() if name == f"sentiment_{metric}" and labels.items() <= has]
    assert len(found) == 1, f"{len(found)} series of sentiment_{metric} with {labels}"
    return found[0]
