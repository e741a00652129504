"""Runs the service: a store with plans and prices, the fake provider, and two workers.

python -m fastapi_app.serve [--db FILE] [--port 8000] [--workers 2]
"""

from __future__ import annotations

import argparse
import os

import uvicorn
from alwrity_metering import Meter, MeteringError
from fake_provider import FakeProvider

APP = "fastapi_app.app:app"

WELCOME = """\
The example backend listens on {url}: {workers} workers, one store, {db}.
{url}/docs has every endpoint. Sign in, write, and look:

  TOKEN=$(curl -s {url}/token --json '{{"user": "ada", "password": "lovelace"}}' | cut -d'"' -f4)
  curl -si {url}/api/blog/write -H "Authorization: Bearer $TOKEN" --json '{{"topic": "looms"}}'
  curl -s {url}/api/subscription/dashboard/ada -H "Authorization: Bearer $TOKEN"

Ctrl-C ends it."""


def main(app: str = APP) -> None:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(prog="fastapi_app.serve", description=__doc__)
    parser.add_argument("--db", default="metering.db", help="the store (metering.db)")
    parser.add_argument("--port", type=int, default=8000, help="where to listen (8000)")
    parser.add_argument("--workers", type=int, default=2, help="how many processes (2)")
    arguments = parser.parse_args()
    # Seeding again changes nothing. The workers open the store themselves.
    try:
        with Meter.open(arguments.db) as meter:
            meter.seed("default")
    except MeteringError as error:
        parser.exit(1, f"error: {error}\n")
    os.environ["ALWRITY_METERING_DB"] = arguments.db
    with FakeProvider() as provider:
        os.environ["EXAMPLE_PROVIDER_URL"] = provider.url
        url = f"http://127.0.0.1:{arguments.port}"
        print(WELCOME.format(url=url, workers=arguments.workers, db=arguments.db), flush=True)
        uvicorn.run(
            app,
            host="127.0.0.1",
            port=arguments.port,
            workers=arguments.workers,
            log_level="warning",
        )


if __name__ == "__main__":
    main()
