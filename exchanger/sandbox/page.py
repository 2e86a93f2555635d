"""The page on which a person picks a card."""

from html import escape
from typing import Any

from exchanger.sandbox.cards import CARDS

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox card processor</title>
<meta name="viewport" content="width=device-width"><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }}
button {{ font: inherit; width: 100%; text-align: left; padding: .5rem .75rem; margin: .2rem 0; cursor: pointer }}
code {{ margin-right: .75rem }}
</style><body><h1>{title}</h1>{content}</body></html>"""


def checkout(wanted: dict[str, str], data: str, signature: str) -> str:
    """The cards to choose from, as buttons."""
    buttons = "".join(
        f'<button name="card" value="{card.number}"><code>{card.number}</code>{escape(card.purpose)}</button>'
        for card in CARDS.values()
    )
    content = (
        f"<p>No money is moved here. Pick the card to pay with:</p>"
        f'<form method="post" action="/checkout"><input type="hidden" name="data" value="{escape(data)}">'
        f'<input type="hidden" name="signature" value="{escape(signature)}">{buttons}</form>'
    )
    return _PAGE.format(title=f"Pay {escape(wanted['amount'])} {escape(wanted['currency'])}", content=content)


def outcome(charge: dict[str, Any]) -> str:
    """What became of it."""
    if charge["status"] == "succeeded":
        text = f"{escape(charge['amount'])} {escape(charge['currency'])} were charged. You can close this page."
        return _PAGE.format(title="Paid", content=f"<p>{text}</p>")
    return _PAGE.format(title="Declined", content="<p>Go back and pick another card.</p>")


def problem(text: str) -> str:
    return _PAGE.format(title="That did not work", content=f"<p>{escape(text)}</p>")
