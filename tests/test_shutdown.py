"""Stopping and crashing lose no request: real processes, real signals, clients that never pause."""

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import httpx
import psutil
import pytest

from app.server import close_door, turn_newcomers_away, turns_newcomers_away
from tests.clients import Client, outcomes_of
from tests.servers import PATIENCE, Server, serving, wait_until
from tests.test_connections import BODY, HEAD, connect


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("drain", [0.5, 0])
def test_clients_without_a_balancer_lose_no_request_across_sigterm(models: Path, workers: int, drain: float) -> None:
    with serving(model_dir=models, workers=workers, drain=drain, runtime="litert") as server:
        clients = [Client(server.url) for _ in range(8)]
        for client in clients:
            client.start()
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(PATIENCE)
            assert not client.is_alive()
        assert server.process.wait(PATIENCE) == 0
    outcomes = outcomes_of(clients)
    assert set(outcomes) == {"200"}, outcomes
    assert outcomes["200"] > 100


def test_supervisor_that_is_late_costs_no_request(models: Path) -> None:
    """It turns newcomers away before the workers stop looking at the door; on a busy machine it may not get to it."""
    with serving(model_dir=models, workers=2, drain=0.5, runtime="litert") as server:
        clients = [Client(server.url) for _ in range(8)]
        for client in clients:
            client.start()
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        server.process.send_signal(signal.SIGCONT)
        for client in clients:
            client.join(PATIENCE)
        assert server.process.wait(PATIENCE) == 0
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def test_worker_that_crashes_is_replaced_and_the_others_go_on(models: Path) -> None:
    with serving(model_dir=models, workers=2, runtime="litert") as server:
        victim = server.workers()[0]
        stop, failures = Event(), []

        def ask() -> None:
            while not stop.is_set():
                try:
                    response = httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]}, timeout=PATIENCE)
                    if response.status_code != 200:
                        failures.append(response.text)
                except httpx.HTTPError as error:
                    failures.append(repr(error))

        client = Thread(target=ask)
        client.start()
        time.sleep(0.3)
        os.kill(victim, signal.SIGKILL)
        server.wait_for(rf"Child process \[{victim}\] died")
        wait_until(lambda: len(set(server.workers()) - {victim}) == 2)
        time.sleep(0.5)
        stop.set()
        client.join(PATIENCE)
        assert len(failures) <= 1, failures  # the one request that the victim held
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0


def test_workers_with_a_damaged_bundle_end_the_service(models: Path, damaged_golden: Path) -> None:
    """Found only once the network answers, in the workers; restarting them would not mend it."""
    with serving(model_dir=damaged_golden.parent, workers=2, runtime="litert") as server:
        assert server.process.wait(PATIENCE) == 1
        server.wait_for("should score 0.123")


@pytest.mark.parametrize("workers", [1, 2])
def test_second_signal_ends_at_once(models: Path, workers: int) -> None:
    with serving(model_dir=models, workers=workers, drain=1000, runtime="litert") as server:
        with httpx.Client(base_url=server.url) as client:
            client.get("/health/live")  # and keeps its connection
            server.process.send_signal(signal.SIGTERM)
            server.wait_for('"draining"')
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(PATIENCE) == 0


def test_second_signal_reaches_a_worker_that_has_not_looked_at_the_first(models: Path) -> None:
    """Two signals of a kind that wait are one."""
    with serving(model_dir=models, workers=2, drain=1000, runtime="litert") as server:
        busy = server.workers()[0]
        os.kill(busy, signal.SIGSTOP)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with suppress(ProcessLookupError):  # the supervisor kills who does not answer it for ten seconds
            os.kill(busy, signal.SIGCONT)
        assert server.process.wait(PATIENCE) == 0


def test_stop_without_a_file_descriptor_left_finishes_what_was_accepted(models: Path) -> None:
    with serving(model_dir=models, runtime="litert") as server:
        process = psutil.Process(server.process.pid)
        with connect(server) as connection:
            connection.sendall(HEAD)
            assert httpx.get(f"{server.url}/health/live").status_code == 200  # so the one before it is accepted, too
            _, most = process.rlimit(psutil.RLIMIT_NOFILE)
            process.rlimit(psutil.RLIMIT_NOFILE, (3, most))
            process.terminate()
            wait_until(lambda: all(each.status != psutil.CONN_LISTEN for each in process.net_connections()))
            connection.sendall(BODY)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
            process.rlimit(psutil.RLIMIT_NOFILE, (most, most))  # uvloop's own end needs some
        assert server.process.wait(PATIENCE) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's socket filters")
def test_closing_door_lets_in_who_has_begun_to_connect_and_nobody_else() -> None:
    """Linux can be told to keep a handshake unfinished until the client sends something: just as with one far away."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
        door.setblocking(False)
        with socket.create_connection(door.getsockname()) as client:
            assert not turns_newcomers_away(door)
            turn_newcomers_away(door)
            assert turns_newcomers_away(door)
            with pytest.raises(TimeoutError):
                socket.create_connection(door.getsockname(), timeout=0.5)
            client.sendall(b"begun")
            newcomers: list[socket.socket] = []

            def came_in() -> bool:
                newcomers.extend(close_door(door.dup()))
                return bool(newcomers)

            wait_until(came_in)
            (newcomer,) = newcomers
            with newcomer:
                newcomer.settimeout(PATIENCE)
                assert newcomer.recv(10) == b"begun"
                client.sendall(b"and more")
                assert newcomer.recv(10) == b"and more"


def test_interrupt_by_a_person_does_not_wait_for_balancers(models: Path) -> None:
    with serving(model_dir=models, drain=1000, runtime="litert") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0
