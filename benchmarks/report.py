"""Writes docs/reference/performance.md with its pictures, and the figures in the README.

They come from benchmarks/results.json and the evaluation of the bundle that is served by default.
"""

import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.bundles.reading import find_bundle
from benchmarks.contenders import CEILING, MOSEC, ONE_WORKER, PEERS, before
from benchmarks.environments import ROOT
from training.figures import new_figure, save_figure

DOCUMENT = ROOT / "docs/reference/performance.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- {}: made by `make bench` -->", "<!-- end -->"
PICTURES = ROOT / "docs/reference/performance"
STAGES = ("parse", "tokenise", "find terms", "network", "serialise")
SPEED = "reviews_a_second"
LARGE_SPREAD = 0.2
README_ROWS = {
    "numpy, 2 workers, logging": "this service, NumPy",
    "tensorflow, 2 workers, logging": "this service, TensorFlow",
    "mosec": "mosec, TensorFlow",
}
"""Server -> its title in the README's table."""

Results = dict[str, Any]


def values(results: Results, name: str, *path: str) -> list[float]:
    """A server's measurement in each round."""
    found = results["contenders"][name]
    for key in path:
        found = [measured[key] for measured in found]
    return [float(value) for value in found]


def typical(results: Results, name: str, *path: str) -> float:
    """The median over the rounds."""
    return statistics.median(values(results, name, *path))


def ratio(results: Results, name: str, baseline: str, *path: str) -> float:
    """The median over the rounds of a server's measurement divided by the baseline's in the same round."""
    pairs = zip(values(results, name, *path), values(results, baseline, *path), strict=True)
    return statistics.median(one / other for one, other in pairs)


def rounded(value: float) -> str:
    """A number with two significant digits: 5,300, 12, 1.3, 0.035."""
    places = 1 - math.floor(math.log10(value)) if value else 1
    return f"{round(value, places):,.{max(places, 0)}f}"


def shown(results: Results) -> list[str]:
    """The servers that have a row in the tables: all but those of another checkout, which have a column."""
    names = list(results["contenders"])
    return [name for name in names if name not in map(before, names)]


def with_spread(measured: Sequence[float]) -> str:
    """The median, and the range if it is wider than `LARGE_SPREAD` of the median."""
    median, low, high = statistics.median(measured), min(measured), max(measured)
    spread = f" ({rounded(low)}–{rounded(high)})" if high - low > LARGE_SPREAD * median else ""
    return rounded(median) + spread


def write_report(results: Results) -> None:
    """Write the document, its pictures, and the table in the README."""
    PICTURES.mkdir(exist_ok=True)
    draw_throughput(results, PICTURES / "throughput.png")
    draw_stages(results, PICTURES / "stages.png")
    DOCUMENT.write_text(document(results))
    page = replaced(README.read_text(), "highlights", highlights(results, evaluation()))
    README.write_text(replaced(page, "speed", readme_table(results)))


def replaced(page: str, part: str, content: str) -> str:
    """The page with new content for a part that is between two markers."""
    begin = BEGIN.format(part)
    head, rest = page.split(begin)
    return f"{head}{begin}\n{content}\n{END}{rest.partition(END)[2]}"


def document(results: Results) -> str:
    """The text of docs/reference/performance.md."""
    names = [peer.name for peer in PEERS if peer.name in results["versions"]]
    versions = dict.fromkeys(results["versions"][name].replace("==", " ") for name in names)
    return TEMPLATE.format(
        measured=results["measured"][:10],
        machine="{cores} cores of {processor}, {system}, Python {python}".format(**results["machine"]),
        rounds=results["rounds"],
        seconds=results["seconds"],
        versions=", ".join(versions),
        busy=comparison(results, "32", resources=True),
        batches=comparison(results, "batches of 64"),
        failures=_failures(results),
        stages=_stages(results),
        stall=_stall(results),
    )


def evaluation() -> Any:
    """The evaluation of the bundle that is served by default."""
    return json.loads((find_bundle(ROOT / "models/imdb") / "report/evaluation.json").read_text())


def highlights(results: Results, evaluation: Any) -> str:
    """What the service is good at, as a list."""
    name, test = "numpy, 1 worker, logging", evaluation["test"]
    single, batches = (rounded(typical(results, name, "loads", load, SPEED)) for load in ("32", "batches of 64"))
    certain, correct = test["certain_share"], test["certain_accuracy"]
    memory, start = typical(results, name, "memory") / 1e6, typical(results, name, "cold_start")
    return f"""\
- **Accurate:** right about {test["accuracy"]:.1%} of {test["reviews"]:,} IMDB test reviews
- **Honest:** it calls {certain:.0%} of its predictions certain, and {correct:.1%} of these are right
- **Transparent:** each prediction can list the words that decided, with their exact effects
- **Small and fast:** {memory:,.0f} MB of memory, the first response after {start:.1f} s; per worker {single} reviews
  per second one by one, {batches} in batches of 64
- **Compatible:** an OpenAPI document, the Open Inference Protocol (Triton, KServe) and TensorFlow Serving's REST API"""


def readme_table(results: Results) -> str:
    """The service beside the fastest of its peers."""
    header = ("two workers", "reviews/s, one per request", "64 per request", "first response", "memory")
    rows = [
        (
            title,
            with_spread(values(results, name, "loads", "32", SPEED)),
            with_spread(values(results, name, "loads", "batches of 64", SPEED)),
            f"{typical(results, name, 'cold_start'):.1f} s",
            f"{typical(results, name, 'memory') / 1e6:,.0f} MB",
        )
        for name, title in README_ROWS.items()
    ]
    return _table(header, rows)


def comparison(results: Results, load: str, *, resources: bool = False) -> str:
    """All servers under a load, with the ratios of their throughput to those baselines that were measured.

    With `resources`, also the time to the first response and the memory, which do not depend on the load.
    """
    names = results["contenders"]
    has_mosec, has_before = MOSEC.name in names, any(before(name) in names for name in names)

    def times(name: str, baseline: str) -> str:
        return rounded(ratio(results, name, baseline, "loads", load, SPEED)) if baseline in names else ""

    header = ["server", "reviews/s", *["× mosec"] * has_mosec, *["× before"] * has_before]
    header += ["p99 latency", "CPU per review", *["first response", "memory"] * resources]
    rows = [
        (
            name,
            with_spread(values(results, name, "loads", load, SPEED)),
            *[times(name, MOSEC.name)] * has_mosec,
            *[times(name, before(name))] * has_before,
            f"{rounded(typical(results, name, 'loads', load, 'p99') * 1000)} ms",
            f"{rounded(typical(results, name, 'loads', load, 'cpu_a_thousand') * 1000)} µs",
            *[
                f"{typical(results, name, 'cold_start'):.1f} s",
                f"{typical(results, name, 'memory') / 1e6:,.0f} MB",
            ]
            * resources,
        )
        for name in shown(results)
    ]
    return _table(header, rows)


def _failures(results: Results) -> str:
    failed = {
        name: sum(load["failed"] for measured in rounds for load in measured["loads"].values())
        for name, rounds in results["contenders"].items()
    }
    some = [f"{name} {count:,}" for name, count in failed.items() if count]
    return f"Failed requests: {', '.join(some) or 'none'}."


def _stages(results: Results) -> str:
    columns = [(runtime, batch) for runtime in ONE_WORKER for batch in ("alone", "in batches of 16")]
    rows = [(stage, *(f"{_stage(results, *column, stage):.0f} µs" for column in columns)) for stage in STAGES]
    return _table(("stage", *map(", ".join, columns)), rows)


def _stage(results: Results, runtime: str, batch: str, stage: str) -> float:
    """Microseconds per review."""
    return statistics.median(float(measured[batch][stage]) for measured in results["inside"][runtime]) * 1e6


def _stall(results: Results) -> str:
    columns = [(load, figure) for load in ("alone", "beside the largest requests") for figure in ("p50", "p99")]
    rows = []
    for runtime, rounds in results["stall"].items():
        for kind in ("health", "one review"):
            medians = (statistics.median(run[load][kind][figure] for run in rounds) for load, figure in columns)
            rows.append((f"{runtime}: {kind}", *(f"{rounded(median * 1000)} ms" for median in medians)))
    titles = {"alone": "alone", "beside the largest requests": "with large requests", "p50": "median", "p99": "p99"}
    return _table(("", *(f"{titles[load]}: {titles[figure]}" for load, figure in columns)), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw_throughput(results: Results, path: Path) -> None:
    """Draw the reviews per second of all servers at 32 connections, with the range over the rounds."""
    figure, axes = new_figure()
    names = list(reversed(results["contenders"]))
    rounds = [values(results, name, "loads", "32", SPEED) for name in names]
    medians = [statistics.median(measured) for measured in rounds]
    below = [median - min(measured) for median, measured in zip(medians, rounds, strict=True)]
    above = [max(measured) - median for median, measured in zip(medians, rounds, strict=True)]
    colours = ["tab:blue" if name.startswith(tuple(ONE_WORKER)) else "0.7" for name in names]
    axes.barh(names, medians, color=colours, xerr=[below, above], error_kw={"elinewidth": 1, "ecolor": "0.3"})
    axes.set(title="One review per request, 32 connections", xlabel="reviews per second (median and range)")
    save_figure(figure, path)


def draw_stages(results: Results, path: Path) -> None:
    """Draw where a worker's CPU time goes: the stages as measured alone, and the rest by subtraction."""
    figure, axes = new_figure()
    names = [CEILING.name, *(contender.name for contender in ONE_WORKER.values())]
    left = [0.0] * len(names)
    for stage in STAGES:
        widths = [0.0, *(_stage(results, runtime, "in batches of 16", stage) for runtime in ONE_WORKER)]
        axes.barh(names, widths, left=left, label=stage)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    totals = [typical(results, name, "loads", "32", "cpu_a_thousand") * 1000 for name in names]
    rest = [max(total - start, 0) for total, start in zip(totals, left, strict=True)]
    axes.barh(names, rest, left=left, label="HTTP, event loop, framework", color="0.8")
    axes.set(title="CPU time per review, 32 connections", xlabel="µs")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3, fontsize="small")
    save_figure(figure, path)


TEMPLATE = """\
# Performance

How fast is the service, and what does it cost? `make bench` measures your machine and writes this page. These results
are from {measured}, on {machine}, shared with the load generator, wrk.

Every server gets the same 2,000 test reviews; each connection sends its next request when it has a response. In each
of {rounds} rounds, every server is started in its own environment, warmed up, and tested under each load for
{seconds} s. The tables show medians with two significant digits, and the range where it is wide. Ratios are computed
within each round.

- **numpy**, **tensorflow**: this service with its default bundle, or `models/imdb/1` ("book's bundle"). "logging" is
  the default, one log line per request; the others log only warnings, like the peers.
- **ceiling**: FastAPI and uvicorn with this service's requests and responses, but constant predictions.
- **mosec, plain Python**: `models/imdb/1` with a Python tokeniser and the SavedModel; compare it with "book's bundle".
- **Peers**, to compare with **tensorflow**: the same SavedModel and tokeniser behind {versions}, configured for two
  cores as their documentation recommends.

## One review per request

32 connections. The first response is timed from the start of the process, with warm disk caches. Memory is that of all
processes after the load tests, with shared memory counted once.

{busy}

![Reviews per second of all servers](performance/throughput.png)

## 64 reviews per request

Four connections:

{batches}

{failures}

## Where the time goes

![CPU time per review by stage](performance/stages.png)

Time of each stage per review, measured separately; the rest goes to sockets, HTTP, the event loop and the framework:

{stages}

A batch shares the fixed cost of finding terms. Most of TensorFlow's cost is per call, so it benefits most from batches.

## How large requests affect others

One client keeps sending requests with 128 reviews; another alternates between health checks and predictions for one:

{stall}
"""
