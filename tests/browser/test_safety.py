"""Markup in reviews, files and responses is shown as text; the policy would stop it as well."""

import csv
import io
import json

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chromium import Visit, Visits
from tests.models import NEWEST
from tests.servers import Server

pytestmark = pytest.mark.slow

ATTACKS = [
    '<img src=x onerror="window.hacked=1;alert(1)"> superb',
    "</script><script>window.hacked=1</script> superb",
    "</textarea></p><svg/onload=window.hacked=1> superb",
    "<a href='javascript:window.hacked=1'>superb</a> moving",
    "superb <iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<style>*{display:none}</style> superb <base href='http://evil.example/'>",
]


def assert_unharmed(visit: Visit) -> None:
    """Nothing ran or became an element; `visiting` reports requests to other servers."""
    assert visit.page.evaluate("typeof window.hacked") == "undefined"
    assert visit.page.locator("main :is(script, iframe, svg, base, style, img, a:not(#facts a))").count() == 0


def test_markup_in_a_review_and_in_a_file_is_text(visit: Visit) -> None:
    visit.page.get_by_text("Use the API").click()
    for attack in ATTACKS:
        visit.explain(attack)
        visit.sentences.first.click()
        expect(visit.page.locator("#response")).to_contain_text("predictions")
        assert_unharmed(visit)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["review"], *([attack] for attack in ATTACKS)])
    name = "<img src=x onerror=window.hacked=1>.csv"
    assert [row[1] for row in visit.score(name, text.getvalue())] == ATTACKS
    expect(visit.status).to_contain_text(name)
    visit.drop(name, f'"{ATTACKS[1]}",b\n1,2\n')
    expect(visit.page.locator("#column option").first).to_have_text(ATTACKS[1])
    visit.drop(name, "\0")
    expect(visit.file_problem).to_contain_text(name)
    assert_unharmed(visit)


def test_markup_in_a_response_is_text(visit: Visit) -> None:
    """Should the service, or something in front of it, ever send any."""
    for attack in ATTACKS:
        visit.respond("**/explain", 1, 500, json.dumps({"detail": attack, "title": attack}), **{"X-Request-ID": attack})
        visit.write("superb")
        expect(visit.problem).to_contain_text(attack)
        effect = {"log_odds": 1, "probability": 0.1, "positive_probability_without": 0.8}
        term = {"terms": [attack], "occurrences": [{"start": 0, "end": 6}], **effect}
        decided = {"positive_probability": 0.9, "sentiment": attack, "uncertain": True}
        prediction = decided | {"words": 5, "known_words": 5}
        sentence = prediction | {"start": 0, "end": 11}
        explanation = prediction | {"terms": [term], "unknown_words": [], "sentences": [sentence]}
        visit.respond("**/explain", 1, 200, json.dumps({"model": {"version": NEWEST}, "explanations": [explanation]}))
        visit.write("superb film")
        expect(visit.verdict).to_contain_text(attack)
        expect(visit.page.locator("#for li")).to_have_attribute("title", f"without “{attack}”: 80%")
        assert_unharmed(visit)


def test_markup_in_the_model_is_text(visits: Visits, served: Server) -> None:
    visit = visits(served.url)

    def rename(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=response.json() | {"name": ATTACKS[0], "recipe": {"name": ATTACKS[1]}})

    visit.page.route("**/model*", rename)
    visit.open()
    for attack in ATTACKS[:2]:
        expect(visit.facts).to_contain_text(attack)
    assert_unharmed(visit)
