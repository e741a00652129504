"""Where alerts go in the example: the log. A real service would send a mail."""

from __future__ import annotations

import logging

from alwrity_metering.results import Delivery

logger = logging.getLogger("uvicorn.error")


def print_alert(delivery: Delivery) -> None:
    """Shows an alert."""
    alert = delivery.alert
    logger.warning("alert for %s: %s - %s", alert.user, alert.title, alert.message)
