"""The example backend as it really runs: uvicorn with two workers, real HTTP, one store."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from alwrity_metering import Meter

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(EXAMPLES))

from fastapi_app import auth  # noqa: E402

CLIENTS = 8
PATIENCE_S = 120
Answer = TypeVar("Answer")


@dataclass
class Served:
    """A running backend, and the store that it shares with this process."""

    url: str
    pid: int
    meter: Meter
    db: Path

    def client(self, user: str) -> httpx.Client:
        """A client that is signed in."""
        headers = {"authorization": f"Bearer {auth.token_of(user)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S)

    def get(self, path: str, user: str, **params: str | int) -> dict[str, object]:
        """The data of a GET of the billing endpoints."""
        with self.client(user) as client:
            answer = client.get(f"/api/subscription{path}", params=params).raise_for_status()
            body: dict[str, object] = answer.json()
            return body

    def workers(self) -> list[int]:
        """The ids of the worker processes."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children if is_worker(int(pid))]

    def kill_worker(self) -> int:
        """Kills a worker as a power cut would; its id."""
        pid = self.workers()[0]
        os.kill(pid, signal.SIGKILL)
        return pid


def is_worker(pid: int) -> bool:
    """Whether a child is a worker, not the tracker of Python's own."""
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"spawn_main" in command
    return False


def at_once(act: Callable[[int], Answer], clients: int = CLIENTS) -> list[Answer]:
    """What each of so many clients gets, all at the same time."""
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(act, range(clients)))


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.02)


@contextlib.contextmanager
def served(folder: Path, workers: int = 2) -> Iterator[Served]:
    """A backend on a free port of 127.0.0.1 until the block ends; then it is ended by its id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    db = folder / "metering.db"
    arguments = ["--db", str(db), "--port", str(port), "--workers", str(workers)]
    command = [sys.executable, "-m", "service", *arguments]
    here = str(Path(__file__).parent)
    paths = os.pathsep.join([str(EXAMPLES), here, os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or is_up(url), "an answer of the backend")
        assert process.poll() is None, "the backend has ended"
        with Meter.open(db) as meter:
            yield Served(url, process.pid, meter, db)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def is_up(url: str) -> bool:
    """Whether it answers."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/api/subscription/plans").is_success
    return False
