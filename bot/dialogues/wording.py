"""How times and rates are written, alike in every language."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo


def moment(at: datetime, zone: ZoneInfo) -> str:
    """``2026-11-23 18:05 (Europe/Kyiv)``: the zone is said, since not everybody has told theirs."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"


def rate_text(rate: Decimal) -> str:
    """A rate without the zeros that only its column needs: ``41.5``."""
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
