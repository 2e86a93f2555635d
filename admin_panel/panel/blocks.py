"""The blocks of the dashboard: each function turns the figure of its name into what the template shows."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from admin_panel.figures import QUEUE_AGES
from admin_panel.panel.charts import health_charts, main_currency, orders_chart, turnover_chart
from admin_panel.panel.labels import ORDER_LABELS
from admin_panel.panel.money import amount_text, money_text, received_text

MOST_TABLES = 8
STALE_AFTER = timedelta(hours=24)  # an open rate older than this is pointed out

Figure = dict[str, Any]
Block = dict[str, Any]


class Look(NamedTuple):
    """When the page is looked at (aware), and how many days its charts are to show."""

    now: datetime
    days: int


def queue(figure: list[Figure], look: Look) -> Block:
    oldest = min((row["oldest"] for row in figure if row["oldest"]), default=None)
    edges = [f"{minutes} min" if minutes < 60 else f"{minutes // 60} h" for minutes in QUEUE_AGES]
    rows = [
        [_status_link(row["status"]), *(f"{orders:,}" for orders in row["ages"]), _age(row["oldest"], look.now)]
        for row in figure
    ]
    return {
        "card": _card(
            "Waiting for an operator", sum(sum(row["ages"]) for row in figure), f"oldest: {_age(oldest, look.now)}"
        ),
        "table": {
            "headers": ["Status", *(f"up to {edge}" for edge in edges), f"over {edges[-1]}", "Oldest"],
            "rows": rows,
        },
    }


def turnover_today(figure: list[Figure], look: Look) -> Block:
    rows = [
        [
            _pair(row),
            f"{row['orders']:,}",
            f"{row['completed']:,}",
            money_text(row["given"], row["from_currency"]),
            received_text(row["received"], row["to_currency"]),
        ]
        for row in figure
    ]
    completed = sum(row["completed"] for row in figure)
    return {
        "card": _card("Orders today", sum(row["orders"] for row in figure), f"{completed:,} completed"),
        "table": {"headers": ["Pair", "Orders", "Completed", "Clients gave", "Clients received"], "rows": rows},
    }


def orders_by_status(figure: Figure, look: Look) -> Block:
    total = sum(figure.values())
    return {
        "statuses": [
            {"link": _status_link(status), "orders": f"{orders:,}", "percent": 100 * orders // max(total, 1)}
            for status, orders in figure.items()
        ],
    }


def daily_turnover(figure: list[Figure], look: Look) -> Block:
    currency = main_currency(figure)
    return {
        "orders": orders_chart(figure, look.now.date(), look.days) if figure else None,
        "currency": currency,
        "turnover": turnover_chart(figure, look.now.date(), currency, look.days) if currency else None,
    }


def conversion(figure: dict[str, int], look: Look) -> Block:
    quotes, orders, completed = figure["quotes"], figure["orders"], figure["completed"]
    note = f"of {quotes:,} quotes, last 30 days" if quotes else "no quotes in the last 30 days"
    steps = {"Quotes": quotes, "became orders": orders, "were completed": completed} if quotes else {}
    return {
        "card": _card("From quote to completed order", _share(completed, quotes), note),
        "steps": [
            {
                "title": title,
                "number": f"{number:,}",
                "share": _share(number, quotes),
                "percent": 100 * number // quotes,
            }
            for title, number in steps.items()
        ],
    }


def completion(figure: Figure, look: Look) -> Block:
    if not figure["completed"]:
        return {"card": _card("Time to complete", "–", "no order completed in the last 30 days")}
    note = f"median, last 30 days; 9 in 10 within {_duration(figure['ninety'])}"
    return {"card": _card("Time to complete", _duration(figure["median"]), note)}


def deliveries(figure: Figure, look: Look) -> Block:
    note = f"{figure['waiting']:,} waiting" if figure["waiting"] else "no event waits"
    lag = look.now - datetime.fromisoformat(figure["oldest"]) if figure["oldest"] else None
    told = "none" if lag is None else _duration(lag.total_seconds())
    return {"card": _card("Delivery lag, web to Telegram", told, note)}


def redis_hits(figure: Figure, look: Look) -> Block:
    if not figure["answers"]:
        return {"card": _card("Redis hit ratio", "unknown", "Redis does not answer; PostgreSQL does its work")}
    if not figure["lookups"]:
        return {"card": _card("Redis hit ratio", "–", "nothing was looked up")}
    span = "since Redis started" if figure["since"] is None else f"in {_age(figure['since'], look.now)}"
    ratio = _share(figure["hits"], figure["lookups"])
    return {"card": _card("Redis hit ratio", ratio, f"of {figure['lookups']:,} look-ups {span}")}


def system_health(figure: Figure, look: Look) -> Block:
    tables = [
        [row["table"], filesizeformat(row["bytes"]), _growth(row["grown"])] for row in figure["tables"][:MOST_TABLES]
    ]
    return {
        "charts": health_charts(figure),
        "tables": {"headers": ["Table", "Size", "Last 24 hours"], "rows": tables},
    }


def latest_rates(figure: list[Figure], look: Look) -> Block:
    figure = sorted(figure, key=lambda row: (_freshness(row, look.now)[0] != "ended", row["valid_from"]))
    states = [_freshness(row, look.now) for row in figure]
    ended = sum(text == "ended" for text, _ in states)
    rows = [
        [_pair(row), amount_text(row["rate"]), _age(row["valid_from"], look.now), _label(*state)]
        for row, state in zip(figure, states, strict=True)
    ]
    return {
        "card": _card("Pairs with a rate", len(figure) - ended, f"{ended} ended" if ended else "none ended"),
        "table": {"headers": ["Pair", "Rate", "Age", "State"], "rows": rows},
    }


def live_sessions(figure: dict[str, int], look: Look) -> Block:
    contexts = " · ".join(f"{context} {live:,}" for context, live in figure.items())
    return {"card": _card("Live sessions", sum(figure.values()), contexts)}


def _card(title: str, value: int | str, note: str) -> dict[str, str]:
    return {"title": title, "value": value if isinstance(value, str) else f"{value:,}", "note": note}


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "–"


def _duration(seconds: float) -> str:
    """The two largest units that count: ``45 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{round(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def _growth(grown: int) -> str:
    if not grown:
        return "–"
    return f"{'+' if grown > 0 else '−'}{filesizeformat(abs(grown))}"


def _freshness(rate: Figure, now: datetime) -> tuple[str, str]:
    if rate["valid_until"] and datetime.fromisoformat(rate["valid_until"]) <= now:
        return "ended", "danger"
    if now - datetime.fromisoformat(rate["valid_from"]) > STALE_AFTER:
        return "stale", "warning"
    return "fresh", "success"


def _age(moment: str | None, now: datetime) -> str:
    return timesince(datetime.fromisoformat(moment), now, depth=1) if moment else "–"


def _pair(row: Figure) -> str:
    return f"{row['from_currency']} → {row['to_currency']}"


def _label(text: str, kind: str | None) -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def _status_link(status: str) -> SafeString:
    address = reverse("admin:web_order_changelist")
    return format_html(
        '<a href="{}?status__exact={}">{}</a>', address, status, _label(status, ORDER_LABELS.get(status))
    )
