"""Everything that the demo's rows are made from. It follows from the anchor alone, the moment of the first run."""

from dataclasses import dataclass
from datetime import datetime

from exchanger.demo.market import RateBook
from exchanger.demo.orders import Story, make_stories
from exchanger.demo.people import People, make_people


@dataclass(frozen=True, slots=True)
class Plan:
    """The people, the rates and the orders' stories, up to ``anchor``."""

    anchor: datetime
    people: People
    rates: RateBook
    stories: tuple[Story, ...]


def make_plan(anchor: datetime) -> Plan:
    """The plan of a demo first made at ``anchor`` (UTC); the same one for the same anchor."""
    people, rates = make_people(anchor), RateBook(anchor.date())
    return Plan(anchor, people, rates, make_stories(anchor, people, rates))
