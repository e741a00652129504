"""What `make demo` does: drives the service over HTTP until a Free user meets its limit.

python -m fastapi_app.tour
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

PATIENCE_S = 60
HEADERS = ("ratelimit", "ratelimit-policy", "x-ratelimit-remaining", "retry-after")


def main() -> None:
    """The tour."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "metering.db") as url:
        say("The example backend runs: two workers, one store. Ada signs in; she is on Free.")
        with httpx.Client(base_url=url, timeout=30) as client:
            signed = client.post("/token", json={"user": "ada", "password": "lovelace"})
            client.headers["authorization"] = f"Bearer {signed.json()['access_token']}"
            write_and_chat(client)
            search_until_refused(client)
            look(client)


def write_and_chat(client: httpx.Client) -> None:
    """Five texts, and what is not in the plan."""
    say("Five texts by a metered route. Each answer says what is left.")
    for number in range(1, 6):
        answer = client.post("/api/blog/write", json={"topic": f"the difference engine, {number}"})
        print(f"{answer.status_code}  {shown(answer, 'ratelimit')}")
    say("OpenAI is not in the Free plan: refused before anything is paid.")
    refused = client.post("/api/chat/stream", json={"topic": "punched cards"})
    print(f"{refused.status_code}  {refused.json()['message']}")


def search_until_refused(client: httpx.Client) -> None:
    """Searches until the plan has no more."""
    say("Searches, of which Free has 20 a month: until the answer is 429.")
    for number in range(1, 100):
        answer = client.post("/api/research/search", json={"topic": f"looms {number}"})
        print(f"{number:3}  {answer.status_code}  {shown(answer, 'ratelimit')}")
        if answer.status_code == 429:
            for name in HEADERS:
                print(f"     {name}: {shown(answer, name)}")
            print(json.dumps(answer.json(), indent=2))
            return
        answer.raise_for_status()
    raise SystemExit("error: nothing was refused")


def look(client: httpx.Client) -> None:
    """The dashboard, and that nobody sees another's."""
    say("Her dashboard, as the billing screens get it.")
    time.sleep(0.5)  # What the last answers used is still being written.
    data = client.get("/api/subscription/dashboard/ada").raise_for_status().json()["data"]
    usage = data["current_period_usage"]
    summary = data["summary"]
    for name in ("usage_status", "total_api_calls_this_month", "total_cost_this_month"):
        print(f"{name:28} {summary[name]}")
    for provider, used in usage["provider_breakdown"].items():
        print(f"  {provider:10} {used['calls']:4} calls {used['tokens']:6} tokens  ${used['cost']}")
    for name, share in usage["usage_percentages"].items():
        print(f"  {name:26} {share:6.2f} %") if share else None
    for alert in data["alerts"]:
        print(f"  {alert['severity']:8} {alert['title']}")
    other = client.get("/api/subscription/dashboard/bob")
    print(f"\nbob's dashboard: {other.status_code} {other.json()['detail']}")


def shown(answer: httpx.Response, name: str) -> str:
    """A header."""
    return str(answer.headers.get(name, ""))


def say(text: str) -> None:
    """A line of the tour."""
    print(f"\n# {text}", flush=True)


@contextlib.contextmanager
def served(db: Path) -> Iterator[str]:
    """The service on a free port; it is ended by its own process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "fastapi_app.serve", "--db", str(db), "--port", str(port)]
    folder = str(Path(__file__).resolve().parents[1])
    log = db.with_suffix(".log")
    environment = {**os.environ, "PYTHONPATH": folder}
    with log.open("w") as lines:
        server = subprocess.Popen(command, env=environment, stdout=lines, stderr=lines)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_served(url, server)
        yield url
    except BaseException:
        print(log.read_text(), file=sys.stderr)
        raise
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE_S)


def wait_until_served(url: str, server: subprocess.Popen[bytes]) -> None:
    """Waits for the first answer."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/api/subscription/plans").is_success:
                return
        time.sleep(0.05)
    raise SystemExit(f"error: {url} does not answer")


if __name__ == "__main__":
    main()
