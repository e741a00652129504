"""Runs the fake provider until it is interrupted."""

from __future__ import annotations

import argparse
import contextlib

from .server import FakeProvider


def main() -> None:
    """Listens on 127.0.0.1 and says where."""
    parser = argparse.ArgumentParser(prog="fake_provider", description=__doc__)
    parser.add_argument("--port", type=int, default=8700, help="where to listen (8700)")
    parser.add_argument("--delay-ms", type=int, default=0, help="how long it thinks (0)")
    arguments = parser.parse_args()
    provider = FakeProvider(port=arguments.port, delay_s=arguments.delay_ms / 1000)
    print(f"the fake provider listens on {provider.url}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        provider.serve_forever()


if __name__ == "__main__":
    main()
