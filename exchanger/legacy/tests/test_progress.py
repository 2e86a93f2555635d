"""Progress is told: bars on a terminal, lines elsewhere."""

import io

from rich.console import Console

from exchanger.legacy.progress import Bars, Lines


def test_on_a_terminal_each_step_has_its_bar():
    shown = io.StringIO()
    with Bars(Console(file=shown, force_terminal=True, width=120)) as bars:
        bars.begin("users", 100, 40)
        bars.advance("users", 50)
        bars.end("users")
    assert "users" in shown.getvalue()
    assert "90/90" in shown.getvalue()


def test_without_a_terminal_progress_is_told_in_lines():
    told = []
    lines = Lines(told.append)
    lines.begin("users", 100, 40)
    lines.advance("users", 50)
    lines.end("users")
    assert told[0] == "users: 100 rows, 40 of them before"
    assert told[1].startswith("users: done, 90 of 90 rows, ")
