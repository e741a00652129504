"""How much the middleware costs: the same application with and without it, side by side.

    make bench-http [ROUNDS=12] [SECONDS=2]

One uvicorn worker each, real HTTP over kept-alive connections; a round asks every application in
turn, so that what else the machine does meets all of them; the figure is the median over the rounds
of each application's requests per second divided by the bare one's in the same round.
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
        ports = {kind: stack.enter_context(served(kind, Path(folder))) for kind in KINDS}
        rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for number in range(arguments.rounds + 1):
            # Each round begins with another one; the first only warms up.
            order = KINDS[number % 3 :] + KINDS[: number % 3]
            for kind in order:
                rate = asyncio.run(ask(ports[kind], arguments.seconds))
                if number:
                    rates[kind].append(rate)
    report(rates)


def report(rates: dict[str, list[float]]) -> None:
    """The figures."""
    print(
        f"{'':10} {'requests/s':>11} {'of bare':>8} {'at least':>9}   {len(rates['bare'])} rounds"
    )
    for kind, own in rates.items():
        shares = [one / bare for one, bare in zip(own, rates["bare"], strict=True)]
        share, least = statistics.median(shares), LEAST.get(kind)
        verdict = (
            "" if least is None else f"{least:9.2f}   {'ok' if share >= least else 'TOO SLOW'}"
        )
        print(f"{kind:10} {statistics.median(own):11.0f} {share:8.2f} {verdict}")


async def ask(port: int, seconds: float) -> float:
    """Requests per second over so many kept-alive connections at once."""
    until = time.monotonic() + seconds
    started = time.monotonic()
    counts = await asyncio.gather(*(keep_asking(port, until) for _ in range(CONNECTIONS)))
    return sum(counts) / (time.monotonic() - started)


async def keep_asking(port: int, until: float) -> int:
    """One connection, one request after the other: raw bytes, so that the server is measured."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = (
        b"POST /write HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ada\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
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
def served(kind: str, folder: Path) -> Iterator[int]:
    """An application of a kind on a free port, ended by its own process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {
        **os.environ,
        "BENCH_KIND": kind,
        "ALWRITY_METERING_DB": str(folder / f"{kind}.db"),
        "PYTHONPATH": str(HERE),
    }
    command = [sys.executable, "-m", "uvicorn", "application:app", "--port", str(port)]
    command += ["--log-level", "error", "--no-access-log"]
    process = subprocess.Popen(command, env=environment)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"error: the application `{kind}` did not start")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


if __name__ == "__main__":
    main()
