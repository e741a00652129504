"""Threads, forks and processes: nothing is lost, and limits hold."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import alwrity_metering as am
import pytest

from conftest import CHAT

CHILDREN, CALLS = 4, 50


def total(meter: am.Meter, user: str = "u1") -> int:
    return meter.usage_summary(user).total_calls


def in_threads(work: Callable[[], None], count: int = 8) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def record(meter: am.Meter) -> None:
    for _ in range(CALLS):
        meter.record_call("u1", **CHAT, input_tokens=1)


def record_in(path: str) -> None:
    """What a process does that was spawned."""
    with am.Meter.open(path) as meter:
        record(meter)


def test_regression_1_threads_lose_nothing(meter: am.Meter) -> None:
    in_threads(lambda: record(meter))
    summary = meter.usage_summary("u1")
    assert (summary.total_calls, summary.total_tokens) == (8 * CALLS, 8 * CALLS)
    assert meter.verify().is_ok


def test_regression_3_a_limit_holds_among_threads(meter: am.Meter) -> None:
    passed: list[int] = []

    def work() -> None:
        for _ in range(30):
            reservation = meter.reserve("u1", **CHAT, max_output_tokens=1)
            if reservation.granted:
                reservation.settle(output_tokens=1)
                passed.append(1)

    in_threads(work)
    assert len(passed) == 100
    assert total(meter) == 100


def test_other_threads_run_while_one_waits(make_meter: Callable[..., am.Meter]) -> None:
    meter = make_meter(busy_timeout_ms=60_000)
    foreign = sqlite3.connect(str(meter.path), isolation_level=None, check_same_thread=False)
    foreign.execute("BEGIN IMMEDIATE")
    thread = threading.Thread(target=meter.record_call, args=("u1",), kwargs=CHAT)
    thread.start()
    # Were the interpreter held, nothing would ever end the wait.
    time.sleep(0.05)
    assert thread.is_alive()
    foreign.execute("ROLLBACK")
    thread.join()
    foreign.close()
    assert total(meter) == 1


def test_a_child_by_fork_goes_on_with_the_meter(meter: am.Meter) -> None:
    record(meter)
    children = []
    for _ in range(CHILDREN):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                record(meter)
                meter.close()
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    record(meter)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert total(meter) == (CHILDREN + 2) * CALLS
    assert meter.verify().is_ok


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_loses_nothing(meter: am.Meter, method: str) -> None:
    context = multiprocessing.get_context(method)
    record(meter)
    with context.Pool(CHILDREN) as pool:
        pool.map(record_in, [str(meter.path)] * CHILDREN)
    assert total(meter) == (CHILDREN + 1) * CALLS
    assert meter.verify().is_ok


def test_pythons_own_sqlite_takes_nothing_away(meter: am.Meter) -> None:
    """POSIX locks vanish when any descriptor of the file is closed in the process."""
    for round_ in range(20):
        meter.record_call("u1", **CHAT)
        foreign = sqlite3.connect(str(meter.path))
        assert foreign.execute("SELECT count(*) FROM calls").fetchone() == (2 * round_ + 1,)
        foreign.close()
        Path(meter.path).read_bytes()
        meter.record_call("u2", **CHAT)
        with sqlite3.connect(str(meter.path)) as again:
            again.execute("SELECT 1 FROM calls").fetchone()
        again.close()
    path = meter.path
    meter.close()
    with am.Meter.open(path) as opened:
        assert (total(opened), total(opened, "u2")) == (20, 20)
        assert opened.verify().is_ok


def test_the_end_of_a_process_commits_what_is_queued(meter: am.Meter) -> None:
    program = (
        "import alwrity_metering as am\n"
        f"meter = am.Meter.open({str(meter.path)!r})\n"
        "for _ in range(500):\n"
        "    meter.queue_call('u1', provider='exa')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert total(meter) == 500


def test_a_kill_loses_no_acknowledged_record(meter: am.Meter) -> None:
    program = (
        "import alwrity_metering as am\n"
        f"meter = am.Meter.open({str(meter.path)!r})\n"
        "while True:\n"
        "    print(meter.record_call('u1', provider='exa').call_id, flush=True)\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    told = [worker.stdout.readline() for _ in range(50)]
    worker.kill()
    told += worker.stdout.readlines()
    worker.stdout.close()
    worker.wait()
    acknowledged = {int(line) for line in told if line.endswith("\n")}
    recorded = {row[0] for row in meter.query("SELECT id FROM api_usage_logs").rows}
    assert len(acknowledged) >= 50
    assert acknowledged <= recorded
    assert meter.verify().is_ok


APPLICATION = """
import alwrity_metering as am

meter = am.Meter.open({path!r})
meter.record_call("preloaded", provider="exa")

def application(environ, start_response):
    meter.record_call("u1", provider="exa")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(environ["wsgi.multiprocess"]).encode()]
"""


def test_gunicorn_may_preload_the_meter(meter: am.Meter, tmp_path: Path) -> None:
    pytest.importorskip("gunicorn")
    (tmp_path / "service.py").write_text(APPLICATION.format(path=str(meter.path)))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--threads", "2",
         "--bind", f"127.0.0.1:{port}", "--log-level", "error", "service:application"],
        cwd=tmp_path,
    )  # fmt: skip
    try:
        failures: list[Exception] = []

        def ask() -> None:
            for _ in range(10):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                        assert answer.read() == b"True"
                except (OSError, AssertionError) as failure:
                    failures.append(failure)

        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        in_threads(ask, 4)
        assert failures == []
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    assert (total(meter), total(meter, "preloaded")) == (40, 1)
    assert meter.verify().is_ok
