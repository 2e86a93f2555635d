"""After the drill: every session is what its holder was told, in every process, cached and in PostgreSQL."""

from collections.abc import Callable, Iterable, Iterator

import httpx

from bench.drilling.clients import Held
from bench.drilling.draft import DRAFT
from bench.promises import Promise
from exchanger.kernel.http import trusted

Answer = tuple[int, object]  # the status, and the number where there is one


def sessions_are_right(held: Iterable[Held], urls: list[str], forget_cache: Callable[[], object]) -> Iterator[Promise]:
    """``forget_cache`` empties Redis, so that the second look is at PostgreSQL."""
    everybody = list(held)
    answers: dict[str, set[Answer]] = {one.key: set() for one in everybody}
    for look in ("cached", "stored"):
        if look == "stored":
            forget_cache()
        for url in urls:
            with httpx.Client(base_url=url, trust_env=False, verify=trusted()) as client:
                for one in everybody:
                    answers[one.key].add(_answer(client.get(DRAFT, headers=one.headers())))
    ended = [answers[one.key] == {(401, None)} for one in everybody if one.ended]
    living = [answers[one.key] <= {(200, number) for number in one.numbers} for one in everybody if one.ended is False]
    unclear = [len({status for status, _ in answers[one.key]}) == 1 for one in everybody if one.ended is None]
    yield _all("sessions that were logged out stay unreadable", ended)
    yield _all("sessions that were not are alive, with what was saved last", living)
    yield Promise(
        "a logout without a clear answer happened wholly or not at all",
        all(unclear),
        f"{sum(unclear):,} of {len(unclear):,}",
    )


def _answer(answer: httpx.Response) -> Answer:
    return answer.status_code, answer.json()["number"] if answer.is_success else None


def _all(text: str, verdicts: list[bool]) -> Promise:
    return Promise(text, all(verdicts) and bool(verdicts), f"{sum(verdicts):,} of {len(verdicts):,}")
