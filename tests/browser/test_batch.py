"""Files of reviews in the playground: what is read, how it is scored, the table, and what is downloaded."""

import csv
import io
import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.browser.chromium import Visit
from tests.servers import Server

GOOD = "I loved this wonderful film: superb acting and a moving story."
BAD = "A dull waste of time, boring from start to finish, with awful jokes."

HEAD = ["row", "review", "positive_probability", "sentiment", "verdict", "words", "known_words", "error"]

TRICKY = [
    GOOD,
    BAD,
    'He said "superb", she said ""nothing"".',
    "one line,\nand; another\r\none",
    "=1+1 is a superb formula",
    "+1 from me, superb",
    "-1 from me, awful",
    "@someone: superb",
    "\tsuperb behind a tab",
    "A naïve film 😀, wonderful",
]


def as_csv(rows: list[list[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


def downloaded(visit: Visit) -> tuple[str, list[list[str]]]:
    """The name and the rows of what the page gives to save."""
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download as CSV").click()
    text = download.value.path().read_bytes().decode("utf-8-sig")
    return download.value.suggested_filename, list(csv.reader(io.StringIO(text, newline="")))


def predicted(server: Server, reviews: list[str]) -> list[dict[str, Any]]:
    answer = httpx.post(f"{server.url}/predict", json={"reviews": reviews})
    predictions: list[dict[str, Any]] = answer.raise_for_status().json()["predictions"]
    return predictions


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", as_csv([["review"], *([review] for review in TRICKY)])),
        ("a.CSV", "\ufeff" + as_csv([["id", " Text ", "stars"], *(["7", review, "3"] for review in TRICKY)])),
        ("a.csv", as_csv([["id", "REVIEW"], *(["7", review] for review in TRICKY)], ";", "\n")),
        ("a.tsv", as_csv([["review", "id"], *([review, "7"] for review in TRICKY)], "\t")),
        ("a.csv", as_csv([[review] for review in TRICKY])),
        ("a.csv", as_csv([["Reviews"], *([review] for review in TRICKY)])),
        ("a.csv", as_csv([["reviews", "text"], *(["7", review] for review in TRICKY)])),
        ("a.jsonl", "\n".join(json.dumps({"review": review}) for review in TRICKY)),
        ("a.ndjson", "\r\n".join(json.dumps(review, ensure_ascii=False) for review in TRICKY) + "\r\n"),
    ],
)
def test_file_is_scored_and_downloaded(visit: Visit, served: Server, name: str, content: str) -> None:
    visit.drop(name, content)
    visit.scored()
    assert [row[1] for row in visit.rows()] == TRICKY
    saved_as, (head, *rows) = downloaded(visit)
    assert saved_as == "a scored.csv"
    assert head == HEAD
    for number, (row, review, prediction) in enumerate(zip(rows, TRICKY, predicted(served, TRICKY), strict=True), 1):
        assert row[0] == str(number)
        assert row[1] == ("'" + review if review[0] in "=+-@\t\r" else review)
        assert float(row[2]) == pytest.approx(prediction["positive_probability"], abs=1e-6)
        assert row[3] == prediction["sentiment"]
        assert [int(row[5]), int(row[6])] == [prediction["words"], prediction["known_words"]]
        assert row[7] == ""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_file_is_one_review_a_line(visit: Visit, end: str) -> None:
    visit.drop("reviews.txt", end.join(["", "A superb, moving film", "  ", "=A dull, awful film", ""]))
    visit.scored()
    assert [row[1] for row in visit.rows()] == ["A superb, moving film", "=A dull, awful film"]


def test_file_is_chosen_with_the_keyboard(visit: Visit) -> None:
    field = visit.page.get_by_label("Drop a file on this page, or choose one")
    field.focus()
    expect(field).to_be_focused()
    field.set_input_files({"name": "r.txt", "mimeType": "text/plain", "buffer": GOOD.encode()})
    visit.scored()
    assert visit.rows()[0][1] == GOOD


def test_sample_is_scored(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Try it with six made-up reviews").click()
    visit.scored()
    assert len(visit.rows()) == 6
    expect(visit.page.locator("#batch-status")).to_contain_text("6 reviews: 2 positive, 2 negative, 2 uncertain.")


def held(visit: Visit) -> Callable[[], None]:
    """Hold all requests for predictions; returns what lets the next one go on, once it has come."""
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)

    visit.page.route("**/predict", hold)

    def go_on() -> None:
        while not asked:
            visit.page.wait_for_timeout(20)
        asked.pop().fallback()

    return go_on


def test_row_keeps_focus_and_clicks_while_others_are_scored(visit: Visit) -> None:
    go_on = held(visit)
    visit.drop("r.txt", "\n".join([BAD, *[GOOD] * 64]))
    row = visit.page.locator("#results tbody tr").first
    expect(row).to_contain_text("waiting …")
    button = row.get_by_role("button")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + 8, box["y"] + 8)
    visit.page.mouse.down()
    expect(button).to_be_focused()
    go_on()
    expect(row).to_contain_text("Negative")
    expect(button).to_be_focused()
    go_on()
    visit.scored()
    expect(button).to_be_focused()
    visit.page.mouse.up()
    expect(visit.words).to_have_text(BAD)


def test_order_stays_until_all_is_scored(visit: Visit) -> None:
    go_on = held(visit)
    visit.drop("r.txt", "\n".join([*[GOOD] * 64, BAD]))
    go_on()
    expect(visit.page.locator("#results tbody tr").first).to_contain_text("Positive")
    visit.page.locator("#results").get_by_role("button", name="Positive", exact=True).click()
    button = visit.page.locator("#results tbody tr").first.get_by_role("button")
    button.focus()
    lines = visit.page.evaluate_handle("[...document.querySelectorAll('#results tbody tr')]")
    go_on()
    visit.scored()
    assert [row[0] for row in visit.rows()[:3]] == ["65", "1", "2"]
    kept = "(lines) => lines.filter((line) => line.isConnected).length"
    assert lines.evaluate(kept) == 49  # all but the last, which the new first one has pushed to the next page
    expect(visit.page.locator("#results tbody tr").nth(1).get_by_role("button")).to_be_focused()


def test_scoring_is_announced_at_its_start_and_end_alone(visit: Visit) -> None:
    """Each of the requests takes longer than the page waits between two drawings; numbers are for the eye."""

    def delay(route: Route) -> None:
        time.sleep(0.3)
        route.fallback()

    visit.page.route("**/predict", delay)
    watch = """(id) => {
        const seen = [];
        const element = document.getElementById(id);
        new MutationObserver(() => seen.push(element.textContent)).observe(
            element, { childList: true, subtree: true, characterData: true });
        return seen;
    }"""
    said, counted = (visit.page.evaluate_handle(watch, name) for name in ("batch-status", "counted"))
    visit.drop("r.txt", f"{GOOD}\n" * 256)
    visit.scored()
    assert said.json_value() == ["Scoring 256 reviews …", "r.txt, 256 reviews: 256 positive."]
    assert "128 of 256 reviews" in counted.json_value()
    assert visit.page.locator("[role=status] #counted, [aria-live] #counted").count() == 0
    expect(visit.page.locator("#counted")).to_be_hidden()


def test_review_of_the_table_is_looked_at_closely(visit: Visit) -> None:
    visit.drop("r.txt", f"{GOOD}\n{BAD}")
    visit.scored()
    visit.page.get_by_role("button", name=BAD).click()
    expect(visit.verdict).to_contain_text("Negative")
    expect(visit.words).to_have_text(BAD)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            "id,stars,comment\n1,2,superb\n",
            "No column is named review or text; the first line has: id, ",
        ),
        ("a.csv", 'review\n"never closed\nsuperb\n', "A quotation mark in this CSV file is never closed"),
        ("a.csv", "review\n", "There is no review in this file."),
        ("a.txt", "\n \n", "There is no review in this file."),
        ("a.pdf", "%PDF", "This kind of file is not read here."),
        ("a.csv", b"PK\x03\x04\x00\x00", "This is no text"),
        ("a.txt", "x\n" * 100_001, "The file holds 100,001 reviews; this page takes 100,000 at a time."),
    ],
)
def test_file_that_cannot_be_used_says_why(visit: Visit, name: str, content: str | bytes, message: str) -> None:
    visit.drop(name, content)
    expect(visit.page.locator("#file-problem p")).to_contain_text(f"{name}: {message}")
    visit.drop("right.txt", GOOD)
    visit.scored()
    expect(visit.page.locator("#file-problem")).to_be_hidden()


def test_file_in_another_encoding_is_read_and_noted(visit: Visit) -> None:
    visit.drop("a.csv", "review\nA naïve “superb” film\n".encode("windows-1252"))
    visit.scored()
    assert visit.rows()[0][1] == "A naïve “superb” film"
    expect(visit.page.locator("#note")).to_contain_text("read as Windows-1252")
    visit.drop("b.csv", "review\nA naïve film\n".encode("utf-16"))
    expect(visit.page.locator("#batch-status")).to_contain_text("b.csv, 1 review: ")
    assert visit.rows()[0][1] == "A naïve film"
    expect(visit.page.locator("#note")).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "content", "noted"),
    [
        ("a.csv", "comment\na great film it was\n", True),
        ("a.csv", "review\na great film it was\n", False),
        ("a.csv", "reviews\na great film it was\n", False),
        ("a.csv", "id,text\n1,a great film it was\n", False),
        ("a.txt", "comment\na great film it was\n", False),
        ("a.jsonl", '"comment"\n"a great film it was"\n', False),
    ],
)
def test_first_line_that_may_be_a_heading_is_noted(visit: Visit, name: str, content: str, noted: bool) -> None:
    visit.drop(name, content)
    visit.scored()
    note = visit.page.locator("#note")
    if noted:
        assert [row[1] for row in visit.rows()] == ["comment", "a great film it was"]
        expect(note).to_have_text("The first line was taken for a review. If it names the column, call it review.")
        visit.drop("b.csv", "naïve\nA naïve film\n".encode("windows-1252"))
        expect(note).to_contain_text("save it as UTF-8. The first line was taken for a review.")
    else:
        expect(note).to_be_hidden()


def test_csv_is_read_as_python_reads_it(run: Callable[..., Any]) -> None:
    texts = [
        as_csv([[a, b] for a in TRICKY for b in TRICKY]),
        'a,b\n"x""y",z\r\n,\n"",""\n"a"b,c\nd"e,f',
        "a\rb\rc",
        '"a\rb\r\nc\nd",e\n',
        "",
        ",",
        "a,",
        "\n\n\na\n\n",
    ]
    for text in texts:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        read = run("csv.js", "readCsv", text, ",")
        assert [row for row in read["rows"] if row != [""]] == [row for row in rows if row != [""]]
        assert not read["open"]


def test_table_is_sorted_by_its_headings(visit: Visit) -> None:
    visit.drop("r.txt", "\n".join(["x" * 50_001, BAD, GOOD, "superb", "A superb film in black and white"]))
    visit.scored()

    def column(heading: str, index: int) -> list[str]:
        visit.page.locator("#results").get_by_role("button", name=heading).click()
        return [row[index] for row in visit.rows()]

    heading = visit.page.locator("#results").get_by_role("columnheader", name="Words")
    assert column("Words", 0) == ["4", "5", "3", "2", "1"]
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert column("Words", 0) == ["2", "3", "5", "4", "1"]  # a row without a value stays last
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert visit.page.locator("#results [aria-sort]").count() == 1
    by_probability = column("Positive", 0)
    assert by_probability[0] == "2"
    assert by_probability[-1] == "1"
    assert column("No.", 0) == ["1", "2", "3", "4", "5"]
    visit.page.keyboard.press("Enter")  # the heading has the focus
    assert [row[0] for row in visit.rows()] == ["5", "4", "3", "2", "1"]
    _, (_, *rows) = downloaded(visit)
    assert [row[0] for row in rows] == ["5", "4", "3", "2", "1"]


def test_ten_thousand_rows_stay_usable(visit: Visit) -> None:
    visit.drop("many.txt", "\n".join(f"{GOOD if i % 3 else BAD} {i}" for i in range(10_000)))
    expect(visit.page.locator("#batch-status")).to_contain_text("many.txt, 10,000 reviews: ", timeout=60_000)
    assert len(visit.rows()) == 50
    expect(visit.page.locator("#range")).to_have_text("Rows 1 to 50 of 10,000")
    expect(visit.page.get_by_role("button", name="Earlier rows")).to_be_disabled()
    visit.page.get_by_role("button", name="Later rows").click()
    assert visit.rows()[0][0] == "51"
    milliseconds = visit.page.evaluate(
        """() => {
            const started = performance.now();
            document.querySelector("#results button[data-column=probability]").click();
            return performance.now() - started;
        }"""
    )
    assert milliseconds < 2000  # some 30 on a quiet machine
    assert "waste of time" in visit.rows()[0][1]
    _, rows = downloaded(visit)
    assert len(rows) == 10_001


def test_requests_keep_to_the_limits(visits: Callable[..., Visit], tight: Server) -> None:
    """Those of the server: four reviews, 200 characters each, 600 bytes a request."""
    visit = visits(tight.url)
    visit.open()
    bodies: list[dict[str, list[str]]] = []
    sizes: list[int] = []

    def watch(route: Route) -> None:
        assert route.request.post_data_buffer is not None
        bodies.append(json.loads(route.request.post_data_buffer))
        sizes.append(len(route.request.post_data_buffer))
        route.fallback()

    visit.page.route("**/predict", watch)
    reviews = ["b" * 150, "c" * 150, "d" * 150, "e" * 150, "superb", "awful", "dull", "moving", "funny"]
    spoilt = ["f" * 201, "😀" * 199, "   ", "😀" * 30]
    visit.drop("r.csv", as_csv([["id", "review"], *(["1", review] for review in reviews + spoilt)]))
    visit.scored()
    assert max(len(body["reviews"]) for body in bodies) == 4
    assert max(sizes) <= 600
    rows = visit.rows()
    assert len(rows) == len(reviews + spoilt)
    assert rows[9][2] == "Too long: 201 characters, a review may have 200."
    assert rows[10][2] == "Too long: a request may have 600 bytes."
    assert rows[11][2] == "There is nothing to read in this row."
    assert len(rows[12]) == 6
    expect(visit.page.locator("#batch-status")).to_contain_text("3 failed")
    expect(visit.page.get_by_role("button", name="Score the missing ones")).to_be_hidden()
    _, saved = downloaded(visit)
    assert saved[10][7] == "Too long: 201 characters, a review may have 200."


def test_review_that_the_service_refuses_does_not_stop_the_others(visits: Callable[..., Visit], tight: Server) -> None:
    """As after a restart with lower limits: the page is told of higher ones than are in force."""
    visit = visits(tight.url)

    def boast(route: Route) -> None:
        answer = route.fetch()
        model = answer.json()
        model["limits"].update(max_characters=1000, max_body_bytes=2_000_000, max_reviews=8)
        route.fulfill(response=answer, json=model)

    visit.page.route("**/model", boast)
    visit.open()
    reviews = ["superb"] * 3 + ["x" * 201] + ["awful"] * 3 + ["y" * 300, "z" * 599]
    visit.drop("r.txt", "\n".join(reviews))
    visit.scored()
    rows = visit.rows()
    for row, review in zip(rows, reviews, strict=True):
        assert row[1].startswith(review[:200])
        assert len(row) == (6 if len(review) < 200 else 3)
    assert rows[3][2] == "A review may have at most 200 characters; reviews.0 has 201. Shorten or split it."
    assert rows[8][2].startswith("The body may have at most 600 bytes; this one has ")


def test_file_that_is_read_slowly_does_not_replace_a_later_one(visit: Visit) -> None:
    visit.page.evaluate("""() => {
        const read = File.prototype.arrayBuffer;
        File.prototype.arrayBuffer = async function () {
            if (this.name === "slow.txt") await new Promise((resolve) => (globalThis.goOn = resolve));
            return read.call(this);
        };
    }""")
    visit.drop("slow.txt", f"{BAD}\n" * 3)
    visit.drop("quick.txt", GOOD)
    visit.scored()
    visit.page.evaluate("goOn()")
    visit.page.wait_for_timeout(500)
    expect(visit.page.locator("#batch-status")).to_contain_text("quick.txt, 1 review: 1 positive")
    assert len(visit.rows()) == 1


def refusing(
    visit: Visit, statuses: list[int], headers: dict[str, str] | None = None, times: list[float] | None = None
) -> list[int]:
    """Answer the next requests for predictions so; a server that fails on demand would be a mock as well.

    Args:
        visit: Whose requests.
        statuses: An answer each.
        headers: Of each answer.
        times: Gets the moment of each request, also of those after them.

    Returns:
        The statuses that are left.
    """
    left = list(statuses)

    def answer(route: Route) -> None:
        if times is not None:
            times.append(time.monotonic())
        if not left:
            route.fallback()
            return
        problem = {"type": "x", "title": "Trouble", "status": left[0], "detail": "There is trouble."}
        route.fulfill(
            status=left.pop(0), headers={"Content-Type": "application/problem+json", **(headers or {})}, json=problem
        )

    visit.page.route("**/predict", answer)
    return left


def test_busy_service_is_asked_again_when_it_said(visit: Visit) -> None:
    times: list[float] = []
    refusing(visit, [503, 503], {"Retry-After": "1"}, times)
    visit.drop("r.txt", f"{GOOD}\n{BAD}")
    expect(visit.page.locator("#batch-status")).to_contain_text("There is trouble. Trying again in 1 second …")
    expect(visit.page.locator("#batch-status")).to_contain_text("1 positive, 1 negative")
    assert len(times) == 3
    assert min(after - before for before, after in pairwise(times)) >= 0.9


def test_failing_rows_are_told_and_tried_again(visit: Visit) -> None:
    left = refusing(visit, [500, 500])  # both together, then the first alone
    visit.drop("r.txt", f"{GOOD}\n{BAD}")
    expect(visit.page.locator("#batch-status")).to_contain_text("1 negative, 1 failed")
    assert not left
    assert visit.rows()[0][2].startswith("There is trouble. Whoever runs it finds the cause under ")
    visit.page.get_by_role("button", name="Score the missing ones").click()
    expect(visit.page.locator("#batch-status")).to_contain_text("1 positive, 1 negative")
    expect(visit.page.get_by_role("button", name="Score the missing ones")).to_be_hidden()


def test_service_that_fails_always_is_not_asked_for_every_row(visit: Visit) -> None:
    left = refusing(visit, [500] * 1000)
    visit.drop("r.txt", f"{GOOD}\n" * 200)
    visit.scored()
    assert len(left) > 950
    expect(visit.page.locator("#batch-status")).to_contain_text("10 failed, 190 not scored. There is trouble.")


def test_scoring_is_stopped_and_continued(visit: Visit) -> None:
    asked: list[Route] = []

    def hold_the_second(route: Route) -> None:
        asked.append(route)
        if len(asked) != 2:
            route.fallback()

    visit.page.route("**/predict", hold_the_second)
    visit.drop("r.txt", f"{GOOD}\n" * 130)
    expect(visit.page.locator("#results tbody tr").first).to_contain_text("Positive")
    visit.page.get_by_role("button", name="Stop").click()
    visit.scored()
    expect(visit.page.locator("#batch-status")).to_contain_text("64 positive, 66 not scored. It was stopped.")
    visit.page.get_by_role("button", name="Later rows").click()
    assert visit.rows()[-1][2] == "Not scored: it was stopped."
    visit.page.get_by_role("button", name="Score the missing ones").click()
    expect(visit.page.locator("#batch-status")).to_contain_text("130 positive")
