import re
from typing import NamedTuple, Self

from exchanger.kernel.money.currencies import currency

_TEXT = re.compile(r"([A-Za-z0-9]{2,10})[_/]([A-Za-z0-9]{2,10})", re.ASCII)


class WrongPair(ValueError):
    """The text is no pair of two known, different currencies; the message says what it should be."""


class Pair(NamedTuple):
    """An exchange of one currency, which the client gives, into another, which the client gets."""

    source: str
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """``usd_uah`` or ``USD/UAH``, in either case.

        Raises:
            WrongPair
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise WrongPair("Write a pair as two currency codes, such as usd_uah.")
        try:
            pair = cls(*(currency(code).code for code in found.groups()))
        except ValueError as error:
            raise WrongPair(str(error)) from error
        if pair.source == pair.target:
            raise WrongPair("A pair is of two different currencies, such as usd_uah.")
        return pair

    @property
    def code(self) -> str:
        """``usd_uah``, as addresses and cache keys have it."""
        return f"{self.source}_{self.target}".lower()

    @property
    def title(self) -> str:
        """``USD/UAH``, as people and configuration documents write it."""
        return f"{self.source}/{self.target}"

    @property
    def inverse(self) -> "Pair":
        return Pair(self.target, self.source)
