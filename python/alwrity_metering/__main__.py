"""The command ``alwrity-metering``: the same as the one without Python."""

from __future__ import annotations

import signal
import sys

from ._native import run_command


def main() -> int:
    """Runs the command with the arguments of this process; its exit code."""
    # The command does not come back to Python's handlers: Ctrl-C ends it at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_command(sys.argv[1:], [sys.executable, "-m", "alwrity_metering"])


if __name__ == "__main__":
    sys.exit(main())
