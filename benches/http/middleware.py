"""How much the middleware costs: the same application with and without it, side by side.

    make bench-http [ROUNDS=12] [SECONDS=2]

Two routes: `/write` answers at once, so that there is nothing but the server to compare with;
`/ask` asks a provider over HTTP first, as a route that is metered does.

One uvicorn worker each, real HTTP over kept-alive connections, each a user of its own; a round asks
every application in turn, so that what else the machine does meets all of them; the figure is the
median over the rounds of each application's requests per second divided by the bare one's in the
same round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
KINDS = ("bare", "check", "reserve")
ROUTES = ("/write", "/ask")
LEAST = {"check": 0.9, "reserve": 0.6}
CONNECTIONS = 32
PATIENCE_S = 60
BODY = b'{"topic": "looms", "style": "short", "length": 300}'


def main() -> None:
    """Measures, and says whether each figure is what it has to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "12")))
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("SECONDS", "2")))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        provider = stack.enter_context(started([str(HERE / "provider.py")], {}))
        ports = {kind: stack.enter_context(served(kind, Path(folder), provider)) for kind in KINDS}
        for route in ROUTES:
            report(route, measured(route, ports, arguments.rounds, arguments.seconds))


def measured(
    route: str, ports: dict[str, int], rounds: int, seconds: float
) -> dict[str, list[float]]:
    """The requests per second of each application in each round."""
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(rounds + 1):
        # Each round begins with another one; the first only warms up.
        order = KINDS[number % 3 :] + KINDS[: number % 3]
        for kind in order:
            rate = asyncio.run(ask(ports[kind], route, seconds))
            if number:
                rates[kind].append(rate)
    return rates


def report(route: str, rates: dict[str, list[float]]) -> None:
    """The figures of a route."""
    print(f"\n{route:8} {'requests/s':>11} {'of bare':>8} {'µs more':>8} {'at least':>9}")
    for kind, own in rates.items():
        pairs = list(zip(own, rates["bare"], strict=True))
        share = statistics.median(one / bare for one, bare in pairs)
        more_us = statistics.median(1e6 / one - 1e6 / bare for one, bare in pairs)
        least = LEAST.get(kind)
        verdict = (
            "" if least is None else f"{least:9.2f}   {'ok' if share >= least else 'TOO SLOW'}"
        )
        print(f"{kind:8} {statistics.median(own):11.0f} {share:8.2f} {more_us:8.0f} {verdict}")


async def ask(port: int, route: str, seconds: float) -> float:
    """Requests per second over so many kept-alive connections at once."""
    until = time.monotonic() + seconds
    started = time.monotonic()
    counts = await asyncio.gather(
        *(keep_asking(port, route, number, until) for number in range(CONNECTIONS))
    )
    return sum(counts) / (time.monotonic() - started)


async def keep_asking(port: int, route: str, number: int, until: float) -> int:
    """One connection, one request after the other: raw bytes, so that the server is measured."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = (
        b"POST %s HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer user-%d\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n"
        % (route.encode(), number, len(BODY))
    ) + BODY
    count = 0
    while time.monotonic() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"error: {head.decode('latin-1')}")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        count += 1
    writer.close()
    return count


@contextlib.contextmanager
def served(kind: str, folder: Path, provider: int) -> Iterator[int]:
    """An application of a kind; its port."""
    environment = {
        "BENCH_KIND": kind,
        "BENCH_USERS": str(CONNECTIONS),
        "ALWRITY_METERING_DB": str(folder / f"{kind}.db"),
        "PROVIDER_URL": f"http://127.0.0.1:{provider}",
        "PYTHONPATH": str(HERE),
    }
    command = ["-m", "uvicorn", "application:app", "--log-level", "error", "--no-access-log"]
    with started([*command, "--port"], environment) as port:
        yield port


@contextlib.contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """A server of Python that is told a free port last, ended by its own process id; the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *command, str(port)], env={**os.environ, **environment}
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"error: `{' '.join(command)}` did not start")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


if __name__ == "__main__":
    main()
