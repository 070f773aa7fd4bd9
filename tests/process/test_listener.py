"""Workers share connections fairly, and one that dies takes only its own along."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from app.process.listener import AddressUnavailable, Listener, WorkerState, bind
from tests.clients import BODY, HEAD, answered, load, outcomes_of
from tests.raw_http import connected
from tests.scraping import number, scrape
from tests.servers import Server, serving, wait_until


@pytest.fixture(scope="module")
def pair(models: Path) -> Iterator[Server]:
    """Two workers."""
    with serving(model_dir=models, workers=2, runtime="numpy") as server:
        yield server


def connections_of(server: Server) -> Counter[int]:
    """Open connections by worker."""
    port = int(server.url.rsplit(":", 1)[1])
    return Counter(
        {
            pid: sum(
                connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
                for connection in psutil.Process(pid).net_connections("tcp")
            )
            for pid in server.workers()
        }
    )


@pytest.mark.parametrize(("count", "most"), [(32, 22), (8, 6)])
def test_connections_opened_together_are_shared(pair: Server, count: int, most: int) -> None:
    """In nearly all trials: the system may not run a worker for some milliseconds, and then the other takes more."""
    fair = 0
    for _ in range(10):
        with ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(connected(pair))
            wait_until(lambda: connections_of(pair).total() == count)
            fair += max(connections_of(pair).values()) <= most
        wait_until(lambda: connections_of(pair).total() == 0)
    assert fair >= 8


def test_connections_are_accepted_while_a_worker_hangs(pair: Server) -> None:
    """It may have fewer connections than the others, so they leave it some, but not forever."""
    hanging, _ = pair.workers()
    os.kill(hanging, signal.SIGSTOP)
    try:
        for _ in range(20):
            assert answer_of(pair) == 200
    finally:
        os.kill(hanging, signal.SIGCONT)


@pytest.mark.slow
def test_worker_that_hangs_is_replaced(models: Path) -> None:
    with serving(model_dir=models, workers=2, runtime="numpy") as server:
        hanging, other = server.workers()
        os.kill(hanging, signal.SIGSTOP)
        server.wait_for(rf'"pid":{hanging},.*"worker hangs"')
        wait_until(lambda: len(server.workers()) == 2 and hanging not in server.workers())
        assert other in server.workers()


def test_address_that_was_taken_after_it_was_bound_is_unavailable(free_port: int) -> None:
    """Two services that start at the same time can both bind; the slower one cannot listen."""
    with bind("127.0.0.1", free_port) as faster, bind("127.0.0.1", free_port) as slower:
        faster.listen()
        with pytest.raises(AddressUnavailable, match="SENTIMENT_PORT"):
            Listener(slower, (WorkerState * 1)(), 0).open(asyncio.Protocol, set())


def answer_of(server: Server) -> int:
    """The status of a request over a connection of its own."""
    with connected(server) as connection:
        connection.send(HEAD + BODY)
        return connection.answer().status


def test_worker_that_dies_takes_only_its_own_requests_along(models: Path) -> None:
    """It is replaced, and no counter decreases or counts twice. Nothing remains of its gauges."""
    with serving(model_dir=models, workers=2, runtime="numpy") as server:
        counted = 0.0
        with short_connections(server) as short, load(server.url) as clients:
            for deaths in (1, 2, 3):
                before = len(short)
                wait_until(lambda before=before: len(short) > before + 200)  # type: ignore[misc]
                previous, counted = counted, number(scrape(server.url), "reviews_total")
                assert previous <= counted <= len(short) + answered(clients) + 16
                server.kill_worker()
                server.wait_ready(2)
                assert number(scrape(server.url), "worker_restarts_total") == deaths
        outcomes = Counter(short) + outcomes_of(clients)
        assert outcomes.total() - outcomes["200"] <= 3 * 16, outcomes  # what the victims were working on
        numbers = scrape(server.url)
        assert max(outcomes["200"], counted) <= number(numbers, "reviews_total") <= outcomes.total()
        assert number(numbers, "workers") == number(numbers, "workers_ready") == 2
        assert number(numbers, "waiting_reviews_limit") == 2048
        wait_until(lambda: number(scrape(server.url), "waiting_reviews") == 0)


@contextmanager
def short_connections(server: Server) -> Iterator[list[str]]:
    """The outcomes of eight clients that open a connection for each request, until the end of the block."""
    outcomes: list[str] = []
    stopping = Event()

    def run() -> None:
        while not stopping.is_set():
            try:
                outcomes.append(str(answer_of(server)))
            except (AssertionError, OSError) as error:
                outcomes.append(type(error).__name__)

    clients = [Thread(target=run) for _ in range(8)]
    for client in clients:
        client.start()
    try:
        yield outcomes
    finally:
        stopping.set()
        for client in clients:
            client.join()


def test_listener_recovers_from_a_lack_of_file_descriptors(models: Path) -> None:
    with serving(model_dir=models, runtime="numpy") as server, ExitStack() as stack:
        psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE, (64, 64))
        for _ in range(64):
            stack.enter_context(connected(server))
        server.wait_for('"cannot accept connections"')
        stack.close()
        wait_until(lambda: answers(server))


def answers(server: Server) -> bool:
    try:
        return answer_of(server) == 200
    except (AssertionError, OSError):
        return False
