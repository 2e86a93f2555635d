"""/notifications: which kinds of them a person wants, each with a button that switches it, and the quiet hours."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bot.adapter import TelegramAdapter
from bot.dialogues.declaration import Command, Dialogue, Step
from bot.dialogues.turn import Button, Turn
from bot.notification_kinds import Kind
from bot.quiet_hours import Problem, WrongHours, parse_hours
from bot.services.notification_preferences import notification_kind_set
from bot.services.quiet_hours import quiet_hours_remove, quiet_hours_set

NAMES: Final[Mapping[Kind, Promise]] = {
    Kind.ORDERS: gettext_lazy("Orders"),
    Kind.PAYMENTS: gettext_lazy("Payments"),
    Kind.REFUNDS: gettext_lazy("Refunds"),
    Kind.ALERTS: gettext_lazy("Rate alerts"),
    Kind.BROADCASTS: gettext_lazy("News"),
}
PROBLEMS: Final[Mapping[Problem, Promise]] = {
    Problem.UNREADABLE: gettext_lazy("Write the hours like this: 22-8, or 22:30-8:00"),
    Problem.EQUAL: gettext_lazy("They must not begin and end at the same time."),
    Problem.UNKNOWN_ZONE: gettext_lazy("I do not know this time zone. Write its name like this: Europe/Kyiv"),
}
HOURS: Final = "hours"
OFF: Final = "off"
BACK: Final = "back"
OFF_WORDS: Final = frozenset({"off", "вимкнути", "выключить"})


def _show(turn: Turn, _arguments: str) -> None:
    adapter = TelegramAdapter()
    wanted = adapter.find_wanted_kinds(turn.acting.user_id)
    hours = adapter.find_quiet_hours(turn.incoming.chat_id)
    lines = [_("What I tell you of. Press a line to switch it. If your money is held up, I tell you in any case.")]
    if hours is not None:
        lines.append(_("Quiet hours: {hours}. What comes meanwhile, I tell you afterwards.").format(hours=hours))
    rows = [[Button(f"{'✓' if kind in wanted else '✗'} {name}", kind.value)] for kind, name in NAMES.items()]
    rows.append([Button(_("Quiet hours"), HOURS)])
    turn.ask(DIALOGUE.state("switching"), "\n\n".join(lines), rows, in_place=True)


def _switch(turn: Turn, value: str) -> None:
    if value == HOURS:
        _ask_hours(turn)
        return
    user_id, kind = turn.acting.user_id, Kind(value)
    wanted = TelegramAdapter().find_wanted_kinds(user_id)
    notification_kind_set(user_id=user_id, kind=kind, wanted=kind not in wanted)
    _show(turn, "")


def _ask_hours(turn: Turn) -> None:
    text = _(
        "When shall I be quiet? Write the hours like this: 22-8, or 22:30-8:00\n"
        "They are in your time zone, {zone}. For another one, write it after them: 22-8 Europe/Kyiv"
    ).format(zone=turn.zone.key)
    buttons = [Button(_("No quiet hours"), OFF), Button(_("Back"), BACK)]
    turn.ask(DIALOGUE.state("hours"), text, [buttons], in_place=True)


def _hours_written(turn: Turn, text: str) -> None:
    if text.casefold() in OFF_WORDS:
        _hours_pressed(turn, OFF)
        return
    try:
        hours = parse_hours(text, turn.zone)
    except WrongHours as wrong:
        turn.say(str(PROBLEMS[wrong.problem]))
        return
    quiet_hours_set(telegram_user_id=turn.incoming.chat_id, hours=hours)
    _show(turn, "")


def _hours_pressed(turn: Turn, value: str) -> None:
    if value == OFF:
        quiet_hours_remove(telegram_user_id=turn.incoming.chat_id)
    _show(turn, "")


DIALOGUE = Dialogue(
    "notifications",
    {
        "switching": Step(gettext_lazy("Please press a line."), on_press=_switch),
        "hours": Step(
            gettext_lazy("Please write the hours, or press a button."),
            on_text=_hours_written,
            on_press=_hours_pressed,
        ),
    },
    linked=True,
)
COMMAND = Command("notifications", gettext_lazy("What I tell you of"), _show, linked=True)
