"""The emergency switch: letting requests through while limits cannot be enforced.

Without it a request that cannot be judged is refused. `USAGE_LIMITS_EMERGENCY_FAIL_OPEN=1` in the
environment lets it through; each one is counted and logged.
"""

from __future__ import annotations

import itertools
import logging
import os

VARIABLE = "USAGE_LIMITS_EMERGENCY_FAIL_OPEN"

logger = logging.getLogger("alwrity_metering.fastapi")


class EmergencySwitch:
    """Decides about requests that cannot be judged, and counts them. Safe between threads."""

    def __init__(self) -> None:
        self._passed = itertools.count()
        self._refused = itertools.count()
        self._counts = [0, 0]

    def lets_through(self, error: Exception, path: str) -> bool:
        """Whether a request passes although its limits cannot be enforced.

        The variable is read each time, so that a running service needs no restart where the
        environment can be changed in place.
        """
        code = getattr(error, "code", type(error).__name__)
        if os.environ.get(VARIABLE) == "1":
            self._counts[0] = next(self._passed) + 1
            logger.error(
                "limits cannot be enforced (%s): let a request of %s through, because %s=1",
                code,
                path,
                VARIABLE,
            )
            return True
        self._counts[1] = next(self._refused) + 1
        logger.error("limits cannot be enforced (%s): refused a request of %s", code, path)
        return False

    @property
    def passed_count(self) -> int:
        """How many requests were let through unjudged since the process began."""
        return self._counts[0]

    @property
    def refused_count(self) -> int:
        """How many requests were refused unjudged since the process began."""
        return self._counts[1]


EMERGENCY = EmergencySwitch()
"""The switch of this process, unless a middleware or a dependency is given one of its own."""
