"""The cards that can be paid with, and what goes wrong with each."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Refunds(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    UNANSWERED = "unanswered"  # done, and the first answer gets lost


@dataclass(frozen=True, slots=True)
class Card:
    """``share`` is how much of what was asked it is charged, ``calls`` how often each event is called out.

    ``delay`` is how long after the charge that is, in seconds. One with ``declined_first`` is declined and then
    charged, and the two are called out in the other order. One that is not ``answered`` is charged, and nobody is told.
    """

    number: str
    purpose: str
    declined: bool = False
    share: Decimal = Decimal(1)
    calls: int = 1
    delay: float = 0
    declined_first: bool = False
    answered: bool = True
    refunds: Refunds = Refunds.DONE


GOOD: Final = Card("4242424242424242", "succeeds")
DECLINED: Final = Card("4000000000000002", "is declined", declined=True)
TIMES_OUT: Final = Card("4000000000000119", "is charged, then times out: nobody is told", answered=False, calls=0)
TWICE: Final = Card("4000000000000200", "succeeds, and calls back twice", calls=2)
LATE: Final = Card("4000000000000300", "succeeds, and calls back two minutes later", delay=120)
OUT_OF_ORDER: Final = Card(
    "4000000000000408", "is declined, then succeeds, and calls back in the other order", declined_first=True
)
HALF: Final = Card("4000000000000507", "is charged half of the amount", share=Decimal("0.5"))
MORE: Final = Card("4000000000000606", "is charged a tenth too much", share=Decimal("1.1"))
NO_REFUNDS: Final = Card("4000000000000705", "succeeds, and refuses refunds", refunds=Refunds.REFUSED)
LOST_REFUND: Final = Card(
    "4000000000000804", "succeeds; the answer to its first refund gets lost", refunds=Refunds.UNANSWERED
)

CARDS: Final = {
    card.number: card
    for card in (GOOD, DECLINED, TIMES_OUT, TWICE, LATE, OUT_OF_ORDER, HALF, MORE, NO_REFUNDS, LOST_REFUND)
}
