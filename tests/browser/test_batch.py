"""Files of reviews in the playground: what is read, how it is scored, the table, and what is downloaded."""

import csv
import io
import json
import re
from collections import Counter

import httpx
import pytest
from playwright.sync_api import Route, expect

from app.model.prediction import FIELDS
from tests.browser.chromium import Visit
from tests.servers import Server

pytestmark = pytest.mark.slow

GOOD = "I loved this wonderful film: superb acting and a moving story."
BAD = "A dull waste of time, boring from start to finish, with awful jokes."
REVIEWS = [
    GOOD,
    BAD,
    'He said "superb", she said ""nothing"".',
    "one line,\nand; another\r\none",
    "=1+1 is a superb formula",
    "+1 from me, superb",
    "-1 from me, awful",
    "@someone: superb",
    "\tsuperb after a tab",
    "A naïve film 😀, wonderful",
]
RETRY = "Score remaining reviews"
SURE = ("Negative", "Positive")
ORDER = ("Negative", "Probably negative", "Cannot tell", "Probably positive", "Positive")


def as_csv(rows: list[list[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


def download(visit: Visit) -> tuple[str, list[list[str]]]:
    """Download the results; returns the name and the rows of the file."""
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download the table as CSV").click()
    text = download.value.path().read_bytes().decode("utf-8-sig")
    return download.value.suggested_filename, list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        (
            "a.CSV",
            "\ufeff" + as_csv([["reviews", " Text ", "stars"], *(["7", review, "3"] for review in REVIEWS)]),
            {"reviews": "7", " Text ": ..., "stars": "3"},
        ),
        (
            "a.tsv",
            as_csv([["review", "sentiment"], *([review, "odd"] for review in REVIEWS)], "\t", "\n"),
            {"review": ...},  # `sentiment` is replaced by the new one
        ),
        (
            "a.jsonl",
            "\n".join(json.dumps({"id": 7, "tags": ["x"], "review": review}) for review in REVIEWS),
            {"id": "7", "tags": '["x"]', "review": ...},
        ),
        ("a.ndjson", "\r\n".join(map(json.dumps, REVIEWS)), {"review": ...}),
    ],
)
def test_file_is_scored_and_downloaded(
    visit: Visit, served: Server, name: str, content: str, columns: dict[str, object]
) -> None:
    """With all columns of the file, and then those that `bulk` adds."""
    assert [row[1] for row in visit.score(name, content)] == REVIEWS
    file_name, (head, *rows) = download(visit)
    assert file_name == "a scored.csv"
    assert head == [*columns, *FIELDS, "error"]
    predictions = httpx.post(f"{served.url}/predict", json={"reviews": REVIEWS}).json()["predictions"]
    for cells, review, prediction in zip(rows, REVIEWS, predictions, strict=True):
        row = dict(zip(head, cells, strict=True))
        safe = "'" + review if review[0] in "=+-@\t" else review  # or spreadsheets would run it
        assert {name: row[name] for name in columns} == {
            name: safe if value is ... else value for name, value in columns.items()
        }
        assert float(row["positive_probability"]) == pytest.approx(prediction["positive_probability"], abs=1e-6)
        assert row["sentiment"] == prediction["sentiment"]
        assert json.loads(row["uncertain"]) is prediction["uncertain"]
        assert [int(row["words"]), int(row["known_words"])] == [prediction["words"], prediction["known_words"]]
        assert row["error"] == ""


def test_sample_is_scored_with_a_histogram_and_chips(visit: Visit) -> None:
    with visit.page.expect_response("**/predict") as scored:
        visit.page.get_by_role("button", name="Try it with six sample reviews").click()
    predictions = scored.value.json()["predictions"]
    visit.wait_scored()
    bins = Counter(int(each["positive_probability"] * 20) for each in predictions)
    histogram = visit.page.get_by_role("img", name="Distribution of the probabilities")
    for place, number in bins.items():
        reviews = f"{number} review{'s' * (number > 1)}"
        expect(histogram).to_have_attribute("aria-label", re.compile(f"{reviews} from {place * 5}% to"))
    is_tall = "(bars) => bars.map((bar) => bar.lastChild?.getBoundingClientRect().height > 0)"
    assert histogram.locator("div").evaluate_all(is_tall) == [place in bins for place in range(20)]
    outcomes = visit.table.locator("td strong")
    verdicts = Counter(outcomes.all_inner_texts())
    assert visit.verdicts().split(", ") == [f"{verdict} {verdicts[verdict]}" for verdict in ORDER if verdicts[verdict]]
    negative, positive = (visit.page.get_by_role("button", name=re.compile(f"^{name} \\d")) for name in SURE)
    negative.click()
    expect(negative).to_have_attribute("aria-pressed", "true")
    expect(visit.page.locator("#range")).to_have_text(re.compile(f"^{verdicts['Negative']} of"))
    positive.click()
    assert set(outcomes.all_inner_texts()) == set(SURE)
    for chip in (negative, positive):
        chip.click()
    assert len(visit.rows()) == 6


def test_requests_keep_to_the_limits(limited_visit: Visit) -> None:
    """Four reviews, 200 characters each, 600 bytes per request."""
    visit = limited_visit
    visit.open()
    bodies: list[bytes] = []

    def watch(route: Route) -> None:
        bodies.append(route.request.post_data_buffer or b"")
        route.fallback()

    visit.page.route("**/predict", watch)
    scorable = ["b" * 150, "c" * 150, "d" * 150, "e" * 150, "superb", "awful", "dull", "moving", "😀" * 30]
    errors = {
        "f" * 201: "Too long: 201 characters; the limit is 200.",
        "😀" * 199: "Too long: the limit is 600 bytes per request.",
        "   ": "This row is empty.",
    }
    rows = visit.score("r.csv", as_csv([["id", "review"], *(["1", review] for review in [*scorable, *errors])]))
    assert max(len(json.loads(body)["reviews"]) for body in bodies) == 4
    assert max(map(len, bodies)) <= 600
    assert [len(row) for row in rows] == [4] * len(scorable) + [3] * len(errors)
    assert [row[2] for row in rows[-3:]] == list(errors.values())
    assert visit.verdicts().endswith("Failed 3")
    expect(visit.page.get_by_role("button", name=RETRY)).to_be_hidden()
    _, saved = download(visit)
    assert [row[-1] for row in saved[-3:]] == list(errors.values())


def test_rejected_review_does_not_stop_the_others(limited_visit: Visit) -> None:
    """As after a restart with lower limits: the page knows higher ones."""

    def raise_limits(route: Route) -> None:
        response = route.fetch()
        model = response.json()
        model["limits"].update(max_characters=1000, max_body_bytes=2_000_000, max_reviews=8)
        route.fulfill(response=response, json=model)

    limited_visit.page.route("**/model", raise_limits)
    limited_visit.open()
    reviews = ["superb"] * 3 + ["x" * 201] + ["awful"] * 3 + ["y" * 300, "z" * 599]
    rows = limited_visit.score("r.txt", "\n".join(reviews))
    assert [len(row) for row in rows] == [4 if len(review) < 200 else 3 for review in reviews]
    assert rows[3][2] == "A review may have at most 200 characters; reviews.0 has 201. Shorten or split it."
    assert rows[8][2].startswith("The body may have at most 600 bytes; this one has ")


def test_file_is_chosen_with_the_keyboard_and_its_reviews_are_explained(visit: Visit) -> None:
    field = visit.page.get_by_label("Drop a file on this page, or choose one")
    field.focus()
    expect(field).to_be_focused()
    field.set_input_files({"name": "r.txt", "mimeType": "text/plain", "buffer": f"{GOOD}\n{BAD}".encode()})
    visit.wait_scored()
    assert field.evaluate("(field) => field.files[0].name") == "r.txt"
    visit.page.get_by_role("button", name=BAD).click()
    expect(visit.verdict).to_contain_text("Negative")
    expect(visit.text).to_have_text(BAD)


def test_guesses_about_a_file_are_noted_and_a_column_can_be_chosen(visit: Visit) -> None:
    note = visit.page.locator("#note")
    rows = visit.score("a.csv", "A naïve “superb” film\n".encode("windows-1252"))
    assert rows[0][1] == "A naïve “superb” film"
    expect(note).to_have_text(
        "The file is not UTF-8; it was read as Windows-1252. If characters look wrong, save it as UTF-8. "
        "The first line was treated as a review. If it is a header, rename the column to review."
    )
    rows = visit.score("lines.txt", "\nA superb, moving film\r  \r\n=A dull, awful film\n")
    assert [row[1] for row in rows] == ["A superb, moving film", "=A dull, awful film"]  # one review per line
    visit.drop("b.csv", "review\nA naïve film\n".encode("utf-16"))
    expect(visit.status).to_have_text("b.csv: 1 review.")
    assert visit.rows()[0][1] == "A naïve film"
    expect(note).to_be_hidden()
    visit.drop("c.csv", as_csv([["id", "comment"], ["1", GOOD], ["2", BAD]]))
    column = visit.page.get_by_label("No column is called review or text. Which one contains the reviews?")
    expect(column).to_be_focused()
    column.select_option("comment")
    visit.page.get_by_role("button", name="Score", exact=True).click()
    expect(visit.status).to_have_text("c.csv: 2 reviews.")
    assert [row[1] for row in visit.rows()] == [GOOD, BAD]
    expect(column).to_be_hidden()


def test_unusable_file_says_why_and_the_old_results_go_away(visit: Visit) -> None:
    name_shown = "document.getElementById('file').files[0]?.name ?? ''"
    files: list[tuple[str, str | bytes, str]] = [
        ("a.csv", 'review\n"never closed\nsuperb\n', "A quotation mark in this CSV file is never closed"),
        ("a.csv", "review\n", "The file contains no reviews."),
        ("a.txt", "\n \n", "The file contains no reviews."),
        ("a.pdf", "%PDF", "This file type is not supported."),
        ("a.csv", b"PK\x03\x04\x00\x00", "This is not a text file"),
        ("a.txt", "x\n" * 100_001, "The file contains 100,001 reviews; the limit is 100,000."),
    ]
    for name, content, message in files:
        visit.score("right.txt", GOOD)
        assert visit.page.evaluate(name_shown) == "right.txt"
        expect(visit.file_problem).to_be_hidden()
        visit.drop(name, content)
        expect(visit.file_problem).to_contain_text(f"{name}: {message}")
        expect(visit.table).to_be_hidden()
        assert visit.page.evaluate(name_shown) == ""  # "No file chosen"


def test_table_is_sorted_by_its_headings_and_shown_in_steps(visit: Visit) -> None:
    rows = visit.score("r.txt", "\n".join(["x" * 50_001, BAD, GOOD, "Zzyzx quux.", "A superb film in black and white"]))
    assert re.fullmatch(r"Positive .*% positive", rows[2][2])
    assert rows[3][2] == "Cannot tell too few known words"

    def sort(heading: str) -> list[str]:
        visit.table.get_by_role("button", name=heading).click()
        return [row[0] for row in visit.rows()]

    heading = visit.table.get_by_role("columnheader", name="Verdict")
    rising = sort("Verdict")
    assert (rising[0], rising[-1]) == ("2", "1")  # a row without a value stays last
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert sort("Verdict") == [*reversed(rising[:-1]), "1"]
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert visit.table.locator("[aria-sort]").count() == 1
    assert sort("No.") == ["1", "2", "3", "4", "5"]

    visit.drop("many.txt", "\n \n".join(f"{GOOD if i % 3 else BAD} {i}\r" for i in range(1_000)))
    expect(visit.status).to_have_text("many.txt: 1,000 reviews.")
    expect(visit.page.locator("#range")).to_have_text("50 of 1,000 rows")
    visit.page.get_by_role("button", name="Show more rows").click()
    assert len(visit.rows()) == 100
    _, saved = download(visit)
    assert len(saved) == 1_001


def test_rows_keep_their_focus_clicks_and_order_while_others_are_scored(visit: Visit) -> None:
    """Progress is shown, but only the start and the end are announced."""
    watch = """(id) => {
        const texts = [];
        const element = document.getElementById(id);
        new MutationObserver(() => texts.push(element.textContent)).observe(
            element, { childList: true, subtree: true, characterData: true });
        return texts;
    }"""
    announced, shown = (visit.page.evaluate_handle(watch, name) for name in ("batch-status", "counted"))
    held = visit.hold("**/predict")

    def release() -> None:
        while not held:
            visit.page.wait_for_timeout(20)
        held.pop().fallback()

    visit.drop("r.txt", "\n".join([*[GOOD] * 63, BAD, GOOD]))  # two requests
    row = visit.table.locator("tbody tr").nth(1)
    button = row.get_by_role("button")
    expect(row).to_contain_text("waiting …")
    visit.table.get_by_role("button", name="Verdict").click()
    button.hover()
    visit.page.mouse.down()
    expect(button).to_be_focused()
    release()
    expect(row).to_contain_text("Positive")
    assert visit.rows()[0][0] == "1"
    expect(button).to_be_focused()
    visit.page.mouse.up()
    expect(visit.text).to_have_text(GOOD)
    button.focus()
    release()
    visit.wait_scored()
    assert [cells[0] for cells in visit.rows()[:3]] == ["64", "1", "2"]
    expect(visit.table.locator("tbody tr").nth(2).get_by_role("button")).to_be_focused()
    assert announced.json_value() == ["Scoring 65 reviews …", "r.txt: 65 reviews."]
    assert "64 of 65 reviews" in shown.json_value()
    assert visit.page.locator("[role=status] #counted, [aria-live] #counted").count() == 0


def test_failed_requests_are_retried_at_once_or_on_request(visit: Visit) -> None:
    visit.respond("**/predict", times=2)
    visit.drop("r.txt", f"{GOOD}\n{BAD}")
    expect(visit.status).to_have_text("The service is busy or not ready. There is trouble. Trying again in 1 second …")
    expect(visit.status).to_have_text("r.txt: 2 reviews.")
    assert visit.verdicts() == "Negative 1, Positive 1"

    visit.respond("**/predict", times=2, status=500)  # both reviews together, then the first one alone
    visit.drop("s.txt", f"{GOOD}\n{BAD}")
    expect(visit.status).to_contain_text("s.txt: ")
    assert visit.verdicts() == "Negative 1, Failed 1"
    assert visit.rows()[0][2].startswith("There is trouble. Try again.")
    visit.page.get_by_role("button", name=RETRY).click()
    expect(visit.page.locator("#chips")).to_contain_text("Positive 1")
    assert visit.verdicts() == "Negative 1, Positive 1"
    expect(visit.page.get_by_role("button", name=RETRY)).to_be_hidden()

    visit.respond("**/predict", status=500)
    visit.drop("t.txt", f"{GOOD}\n" * 200)
    expect(visit.status).to_contain_text("t.txt: 200 reviews. There is trouble.")
    assert visit.verdicts() == "Failed 10, Not scored 190", "a failing service is not asked for every row"


def test_scoring_is_stopped_and_continued(visit: Visit) -> None:
    requests: list[Route] = []

    def hold_the_second(route: Route) -> None:
        requests.append(route)
        if len(requests) != 2:
            route.fallback()

    visit.page.route("**/predict", hold_the_second)
    visit.drop("r.txt", f"{GOOD}\n" * 130)
    expect(visit.table.locator("tbody tr").first).to_contain_text("Positive")
    visit.page.get_by_role("button", name="Stop").click()
    expect(visit.status).to_have_text("r.txt: 130 reviews. Stopped.")
    assert visit.verdicts() == "Positive 64, Not scored 66"
    visit.page.get_by_role("button", name="Show more rows").click()
    assert visit.rows()[-1][2] == "Not scored: Stopped."
    visit.page.get_by_role("button", name=RETRY).click()
    expect(visit.page.locator("#chips")).to_contain_text("Positive 130")
