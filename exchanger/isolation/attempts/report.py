"""The results as plain text: a line for each login and target, a summary, and last the breaches."""

import textwrap
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

from exchanger.isolation.attempts.results import Expected, Happened, Result

K = TypeVar("K", bound=Hashable)

WIDTH = 140
_MANY = 16  # verbs in one cell; where there are more they are counted, and named once above the section
_FEW = 6  # parts of a target that are named; more are counted
_ALLOWED_WIDTH = 32  # a longer cell pushes its neighbour away


def table(results: list[Result]) -> Iterator[str]:
    """All attempts by section, login and target, and what happened to each; a breach carries an exclamation mark."""
    for section, chosen in _grouped(results, lambda result: result.section).items():
        yield from ("", section)
        lines = _grouped(sorted(chosen, key=lambda result: result.login), lambda result: (result.login, result.target))
        cells = {names: (_cell(group, refused=False), _cell(group, refused=True)) for names, group in lines.items()}
        if any(len(cell) > _MANY for pair in cells.values() for cell in pair):
            verbs = " · ".join(dict.fromkeys(result.verb for result in chosen))
            yield from textwrap.wrap(f"tried: {verbs}", WIDTH, initial_indent="  ", subsequent_indent="  ")
        login_width = max(len(login) for login, _ in cells)
        target_width = max(len(target) for _, target in cells)
        allowed_width = min(_ALLOWED_WIDTH, max(len(_joined(allowed)) for allowed, _ in cells.values()))
        for (login, target), (allowed, refused) in cells.items():
            yield from _line(f"  {login:<{login_width}}  {target:<{target_width}}", allowed, refused, allowed_width)


def summary(results: list[Result]) -> str:
    refused = sum(result.expected is Expected.REFUSED and not result.breach for result in results)
    allowed = sum(result.expected is Expected.ALLOWED and not result.breach for result in results)
    through = sum(result.got_through for result in results)
    wrongly = sum(result.wrongly_refused for result in results)
    return (
        f"{refused + allowed + through + wrongly} attempts: {refused} refused as they must be, "
        f"{allowed} allowed as they must be, {through} got through, {wrongly} wrongly refused"
    )


def breaches(results: list[Result]) -> Iterator[str]:
    """Each breach with the first statement that showed it; one verb's columns, or the like, are one breach."""
    found = [result for result in results if result.breach]
    groups = _grouped(found, lambda result: (result.login, result.target, result.verb, result.got_through))
    for group in groups.values():
        first = group[0]
        parts = ", ".join(result.part for result in group if result.part)
        kind = "GOT THROUGH" if first.got_through else "WRONGLY REFUSED"
        yield f"{kind}: {first.login} on {first.target}: {first.verb}" + (f" ({parts})" if parts else "")
        yield textwrap.indent(first.statement, "    ")
        if first.answer.text:
            yield f"    -> {first.answer.text}"


def _grouped(results: Iterable[Result], key: Callable[[Result], K]) -> dict[K, list[Result]]:
    groups: dict[K, list[Result]] = {}
    for result in results:
        groups.setdefault(key(result), []).append(result)
    return groups


def _cell(group: list[Result], *, refused: bool) -> list[str]:
    """The verbs of a line that were refused, or that were not; with their parts where these fared differently."""
    chosen = [result for result in group if (result.answer.happened is Happened.REFUSED) == refused]
    others = {result.verb for result in group if result not in chosen}
    cell: list[str] = []
    for verb, results in _grouped(chosen, lambda result: result.verb).items():
        parts = [result.part for result in results if result.part] if verb in others else []
        named = f"({', '.join(parts) if len(parts) <= _FEW else len(parts)})" if parts else ""
        cell.append(verb + named + ("!" if any(result.breach for result in results) else ""))
    return cell


def _joined(cell: list[str]) -> str:
    if len(cell) > _MANY:
        marked = [verb for verb in cell if verb.endswith("!")]
        cell = [*marked, f"{len(cell) - len(marked)} of the tried"]
    return (", " if any(" " in verb for verb in cell) else " ").join(cell)


def _line(names: str, allowed: list[str], refused: list[str], allowed_width: int) -> Iterator[str]:
    """One line where it fits, else what was allowed and what was refused each in its own, wrapped."""
    first = f"allowed {_joined(allowed)}" if allowed else ""
    second = f"refused {_joined(refused)}" if refused else ""
    line = f"{names}  {first:<{allowed_width + 8}}  {second}".rstrip()
    if len(line) <= WIDTH:
        yield line
        return
    for text in filter(None, (first, second)):
        yield from textwrap.wrap(text, WIDTH, initial_indent=f"{names}  ", subsequent_indent=" " * (len(names) + 10))
        names = " " * len(names)
