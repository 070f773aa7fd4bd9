"""docs/performance.md and its pictures, made from benchmarks/results.json."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contenders import ALONE, CEILING, CONTENDERS, LITERT, MOSEC, TENSORFLOW
from benchmarks.environments import ROOT
from training.plots import new_figure, save_figure

DOCUMENT = ROOT / "docs/performance.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- made by `make bench` -->", "<!-- end -->"
PICTURES = ROOT / "docs/performance"
Results = dict[str, Any]
STAGES = ("parse", "tokenise", "find terms", "network", "serialise")
REST = "HTTP, event loop, framework"


@dataclass(frozen=True)
class Requirement:
    """Something that a run has to show.

    Attributes:
        what: In words.
        measured: What was measured, with its unit.
        bound: What it has to be, with its unit.
        met: Whether it is.
    """

    what: str
    measured: str
    bound: str
    met: bool


def at_least(what: str, value: float, bound: float, unit: str = "") -> Requirement:
    """Require a measurement not to be smaller."""
    return Requirement(what, f"{value:.2f}{unit}", f"≥ {bound:g}{unit}", value >= bound)


def at_most(what: str, value: float, bound: float, unit: str = "") -> Requirement:
    """Require a measurement not to be larger."""
    return Requirement(what, f"{value:.2f}{unit}", f"≤ {bound:g}{unit}", value <= bound)


def values(results: Results, name: str, *path: str) -> list[float]:
    """A contender's measurement in each round."""
    found = []
    for measured in results["contenders"][name]:
        value = measured
        for key in path:
            value = value[key]
        found.append(float(value))
    return found


def typical(results: Results, name: str, *path: str) -> float:
    """The median over the rounds."""
    return statistics.median(values(results, name, *path))


def ratio(results: Results, name: str, baseline: str, *path: str) -> float:
    """The median over the rounds of a contender's measurement divided by another's in the same round."""
    pairs = zip(values(results, name, *path), values(results, baseline, *path), strict=True)
    return float(statistics.median(one / other for one, other in pairs))


def requirements(results: Results) -> list[Requirement]:
    """What the service has to show, with what it showed."""
    busy = ("loads", "32", "reviews_a_second")
    inside = results["inside"]

    def batches(runtime: str) -> float:
        served = values(results, f"{runtime}, 1 worker", "loads", "batches of 64", "reviews_a_second")
        loops = [measured["loop over batches of 64"] for measured in inside[runtime]]
        return float(statistics.median(one / other for one, other in zip(served, loops, strict=True)))

    def stalled(runtime: str, question: str) -> float:
        runs = results["stall"][runtime]
        return float(statistics.median(run["beside the largest requests"][question]["p99"] for run in runs)) * 1000

    return [
        at_least(
            "tensorflow, 2 workers, 32 connections: reviews/s, times mosec's",
            ratio(results, TENSORFLOW.name, MOSEC.name, *busy),
            1.3,
        ),
        at_most(
            "the same: 99th percentile of the latency, times mosec's",
            ratio(results, TENSORFLOW.name, MOSEC.name, "loads", "32", "p99"),
            1.0,
        ),
        at_least(
            "litert, 1 worker, 32 connections: reviews/s, times the ceiling's",
            ratio(results, LITERT.name, CEILING.name, *busy),
            0.75,
        ),
        at_most(
            "litert, 1 worker, 1 connection: median latency, times the ceiling's",
            ratio(results, LITERT.name, CEILING.name, "loads", "1", "p50"),
            1.4,
        ),
        at_most("litert: from start to the first answer", typical(results, LITERT.name, "cold_start"), 1.0, " s"),
        at_most("litert: memory of a worker", typical(results, LITERT.name, "memory") / 1e6, 110, " MB"),
        *(
            at_least(
                f"{runtime}, 1 worker, batches of 64: reviews/s, times a loop over `Classifier.predict`",
                batches(runtime),
                0.8,
            )
            for runtime in inside
        ),
        *(
            at_most(
                f"{runtime}: {question} beside the largest requests, 99th percentile",
                stalled(runtime, question),
                25,
                " ms",
            )
            for runtime in results["stall"]
            for question in ("health", "one review")
        ),
        *(
            at_most(
                f"{runtime}: cost of encoding a text ten times as long, times the cost of the shorter",
                statistics.median(measured["ten times the text, times the cost"] for measured in measurements),
                11,
            )
            for runtime, measurements in inside.items()
        ),
    ]


def write_report(results: Results) -> None:
    """Write the document, its pictures, and the table in the README."""
    PICTURES.mkdir(exist_ok=True)
    draw_throughput(results, PICTURES / "throughput.png")
    draw_stages(results, PICTURES / "stages.png")
    DOCUMENT.write_text(document(results))
    before, rest = README.read_text().split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{readme_table(results)}\n{END}{after}")


def document(results: Results) -> str:
    """Make docs/performance.md."""
    machine = results["machine"]
    versions = ", ".join(version.replace("==", " ") for version in results["versions"].values() if version)
    return TEMPLATE.format(
        measured=results["measured"][:10],
        machine=f"{machine['cores']} cores of {machine['processor']}, {machine['system']}, Python {machine['python']}",
        rounds=results["rounds"],
        seconds=results["seconds"],
        versions=versions,
        requirements=_table(
            ("", "measured", "has to be", ""),
            [
                (requirement.what, requirement.measured, requirement.bound, "yes" if requirement.met else "**no**")
                for requirement in requirements(results)
            ],
        ),
        busy=_comparison(results, "32"),
        one=_comparison(results, "1"),
        many=_comparison(results, "128"),
        batches=_comparison(results, "batches of 64"),
        resources=_table(
            ("server", "first answer after", "memory"),
            [
                (
                    contender.name,
                    f"{typical(results, contender.name, 'cold_start'):.2f} s",
                    f"{typical(results, contender.name, 'memory') / 1e6:,.0f} MB",
                )
                for contender in CONTENDERS
            ],
        ),
        stages=_table(
            ("stage", "litert, alone", "litert, in batches of 16", "tensorflow, alone", "tensorflow, in batches of 16"),
            [
                (
                    stage,
                    *(
                        f"{_stage(results, runtime, batch, stage) * 1e6:.0f} µs"
                        for runtime in ("litert", "tensorflow")
                        for batch in ("alone", "in batches of 16")
                    ),
                )
                for stage in STAGES
            ],
        ),
        stall=_stall(results),
        failures=_failures(results),
    )


def readme_table(results: Results) -> str:
    """What an operator has to know of each set-up."""
    names = [LITERT.name, "litert, 2 workers", "tensorflow, 1 worker", TENSORFLOW.name]
    rows = [
        (
            name,
            f"{typical(results, name, 'cold_start'):.1f} s",
            f"{typical(results, name, 'memory') / 1e6:,.0f} MB",
            f"{typical(results, name, 'loads', '32', 'reviews_a_second'):,.0f}",
            f"{typical(results, name, 'loads', 'batches of 64', 'reviews_a_second'):,.0f}",
        )
        for name in names
    ]
    return _table(
        ("runtime", "from start to the first answer", "memory", "reviews/s, one a request", "64 a request"), rows
    )


def _comparison(results: Results, load: str) -> str:
    rows = []
    for contender in CONTENDERS:
        name = contender.name

        def of(measurement: str, name: str = name) -> float:
            return typical(results, name, "loads", load, measurement)

        def times(baseline: str, name: str = name) -> str:
            return f"{ratio(results, name, baseline, 'loads', load, 'reviews_a_second'):.2f}"

        rows.append(
            (
                name,
                f"{of('reviews_a_second'):,.0f}",
                times(CEILING.name),
                times(MOSEC.name),
                f"{of('p50') * 1000:.2f} ms",
                f"{of('p99') * 1000:.2f} ms",
                f"{of('cpu_a_thousand'):.3f} s",
            )
        )
    header = ("server", "reviews/s", "× ceiling", "× mosec", "median latency", "99 %", "CPU per 1,000 reviews")
    return _table(header, rows)


def _failures(results: Results) -> str:
    failed = {
        contender.name: sum(
            load["failed"] for measured in results["contenders"][contender.name] for load in measured["loads"].values()
        )
        for contender in CONTENDERS
    }
    told = [f"{count:,} of {name}" for name, count in failed.items() if count]
    return f"Requests that failed: {', '.join(told) or 'none'}."


def _stall(results: Results) -> str:
    rows = []
    for runtime, runs in results["stall"].items():
        for question in runs[0]["alone"]:
            cells = [
                f"{statistics.median(run[situation][question][figure] for run in runs) * 1000:.1f} ms"
                for situation in ("alone", "beside the largest requests")
                for figure in ("p50", "p99")
            ]
            rows.append((f"{runtime}: {question}", *cells))
    return _table(("", "alone: median", "99 %", "beside the largest requests: median", "99 %"), rows)


def _stage(results: Results, runtime: str, batch: str, stage: str) -> float:
    return float(statistics.median(measured[batch][stage] for measured in results["inside"][runtime]))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw_throughput(results: Results, path: Path) -> None:
    """Draw everyone's reviews/s at 32 connections, and the spread over the rounds."""
    figure, axes = new_figure()
    names = [contender.name for contender in reversed(CONTENDERS)]
    all_ = [values(results, name, "loads", "32", "reviews_a_second") for name in names]
    middle = [statistics.median(measured) for measured in all_]
    ours = {contender.name for contender in CONTENDERS if contender.arguments == LITERT.arguments}
    axes.barh(
        names,
        middle,
        color=["tab:blue" if name in ours else "0.45" if name == CEILING.name else "0.75" for name in names],
        xerr=[
            [m - min(measured) for m, measured in zip(middle, all_, strict=True)],
            [max(measured) - m for m, measured in zip(middle, all_, strict=True)],
        ],
        error_kw={"elinewidth": 1, "ecolor": "0.3"},
    )
    axes.set(title="One review a request, 32 connections", xlabel="reviews a second (median and range of the rounds)")
    save_figure(figure, path)


def draw_stages(results: Results, path: Path) -> None:
    """Draw where a worker's processor time goes: the stages as measured alone, the rest by subtraction."""
    figure, axes = new_figure()
    runtimes = {contender.name: contender.settings["SENTIMENT_RUNTIME"] for contender in ALONE}
    left = dict.fromkeys(runtimes, 0.0)
    for stage in STAGES:
        widths = [_stage(results, runtime, "in batches of 16", stage) * 1e6 for runtime in runtimes.values()]
        axes.barh(list(left), widths, left=list(left.values()), label=stage)
        left = {name: left[name] + width for name, width in zip(left, widths, strict=True)}
    names = (CEILING.name, *runtimes)
    totals = {name: typical(results, name, "loads", "32", "cpu_a_thousand") * 1000 for name in names}
    left = {CEILING.name: 0.0, **left}
    axes.barh(
        list(totals),
        [max(totals[name] - left[name], 0) for name in totals],
        left=[left[name] for name in totals],
        label=REST,
        color="0.8",
    )
    axes.set(title="Processor time a review, 32 connections", xlabel="µs")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3, fontsize="small")
    save_figure(figure, path)


TEMPLATE = """\
# Performance

`make bench` made this page on {measured} from [benchmarks/results.json](../benchmarks/results.json); only its words are
written by hand, in `benchmarks/report.py`. Machine: {machine}. The load generator, wrk, runs on the same cores.

Every server gets the same 2,000 real test reviews in turn, in a closed loop: each connection sends its next request
when it has its answer. Each of {rounds} rounds starts every server anew in an environment of its own, warms it up and
puts it under each load for {seconds} s; the tables hold medians over the rounds, and a ratio is the median of the
ratios within each round. The machine is shared and its speed drifts, so trust ratios more than absolute numbers.

- **ceiling**: FastAPI and uvicorn with this service's request and response models and a constant for an answer; one
  process.
- **litert**, **tensorflow**: this service with the bundle that it ships. "logging" writes a line a request, as it does
  by default; the others log warnings only, since access logs of the peers are off as well.
- **peers**: the same SavedModel, tokeniser and TensorFlow calls behind {versions}, each set up as its documentation
  advises for two cores (benchmarks/peers/ says how).

## What it has to reach

{requirements}

## One review a request

32 connections:

{busy}

![Reviews a second of all servers](performance/throughput.png)

One connection, which shows the latency without any waiting:

{one}

128 connections:

{many}

## 64 reviews a request

Four connections:

{batches}

{failures}

## Start and memory

From the start of the process to the first right answer, with warm disk caches; memory of all processes after the loads,
what they share counted once:

{resources}

## Where the time goes

![Processor time a review by stage](performance/stages.png)

What the stages cost when each is run on its own, a review:

{stages}

*parse* is JSON and validation, *find terms* turns tokens into columns, *network* fills the multi-hot rows and runs the
model. The rest of a worker's processor time, grey in the picture, is reading from sockets, HTTP, the event loop, the
framework and the way back; it is found by subtraction. In the ceiling, all is that rest.

- With LiteRT the text itself is the largest part that is ours: splitting a review makes some 230 strings, and each has
  to be hashed and looked up. Both happen in C, once a word; a faster tokeniser would have to leave Python altogether.
- Terms are found with a dozen array operations. Their fixed cost is shared by a batch, which is why the LiteRT runtime
  too scores together what has arrived together.
- Most of what TensorFlow costs it costs per call, so batches are what makes it cheap; LiteRT is cheaper still.
- mosec's HTTP server is written in Rust and works beside the interpreter; here uvicorn shares it with the model. Behind
  both are the same tokeniser and TensorFlow call, and mosec needs less processor time a review. With LiteRT the service
  makes up for it.
- POST /predict takes a short way past FastAPI's middleware, routing and dependencies (`app/api/shortcut.py`), which
  cost more than the prediction; that is why the service can come near the ceiling, which takes FastAPI's own way.

## What the largest requests do to others

One client sends requests of 128 reviews without a pause; another asks for health and for one prediction in turn:

{stall}
"""
