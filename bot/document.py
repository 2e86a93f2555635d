"""The document that operators write and publish for the bot, key by key. Durations are whole seconds.

Whatever is left out is as the code has it.
"""

from typing import Any

from rest_framework import serializers

from bot.declared_texts import LANGUAGES, ORDER_EVENTS, TEXTS, text_problem
from exchanger.kernel.documents import StrictSerializer

LONGEST_TEXT = 1000  # characters; Telegram takes 4096, and what is filled in needs room
TELEGRAMS_PACE = 30  # messages a second, from one bot to all its chats together
HOUR = 3600
DAY = 24 * HOUR


class DocumentSerializer(StrictSerializer):
    """What the bot says and does, as operators decide it."""

    texts = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField(max_length=LONGEST_TEXT)),
        required=False,
        default=dict,
        help_text=(
            f"Texts in other words than the bot's own, by language ({', '.join(LANGUAGES)}) and key"
            f" ({', '.join(TEXTS)}). One a line: language | key | text."
            " {number} becomes the number of the order; \\n begins a new line."
        ),
    )
    maintenance_mode = serializers.BooleanField(
        required=False, default=False, help_text="While it is on, the bot answers with the text of this key alone."
    )
    dialogue_timeout_seconds = serializers.IntegerField(
        min_value=60, max_value=DAY, required=False, default=1800,
        help_text="A dialogue in which nobody has said anything for so long begins anew.",
    )  # fmt: skip
    quote_timeout_seconds = serializers.IntegerField(
        min_value=10, max_value=HOUR, required=False, default=120,
        help_text="How long a person has to confirm the quote that the bot shows; never longer than the quote is firm.",
    )  # fmt: skip
    messages_per_second = serializers.IntegerField(
        min_value=1, max_value=TELEGRAMS_PACE, required=False, allow_null=True, default=None,
        help_text=f"The pace of notifications, at most {TELEGRAMS_PACE}; empty is as fast as the deployment allows.",
    )  # fmt: skip
    told_events = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(ORDER_EVENTS)),
        required=False,
        default=lambda: sorted(ORDER_EVENTS),
        help_text="Of which events people are told; one a line.",
    )

    def validate_texts(self, texts: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        problems: dict[str, Any] = {}
        for language, worded in texts.items():
            if language not in LANGUAGES:
                problems[language] = [f"The bot speaks {', '.join(LANGUAGES)}."]
                continue
            found = {key: _problem(key, template) for key, template in worded.items()}
            if wrong := {key: [problem] for key, problem in found.items() if problem}:
                problems[language] = wrong
        if problems:
            raise serializers.ValidationError(problems)
        return texts

    def validate_told_events(self, events: list[str]) -> list[str]:
        if len(set(events)) != len(events):
            raise serializers.ValidationError("Each event stands here once.")
        return events


def default_document() -> dict[str, Any]:
    """The document that says what the code does without one."""
    form = DocumentSerializer(data={})
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def _problem(key: str, template: str) -> str:
    return text_problem(TEXTS[key], template) if key in TEXTS else "The bot has no such text."
