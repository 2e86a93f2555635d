"""How one value of the old database is judged and turned into the new column's: SQL over its text, for whole chunks.

Everything comes as text; ``came_as`` is the type that it had, which spares it checks that it cannot fail. ``problems``
are conditions in order, each asked only when those before it were false, so a cast stands behind the check that it
cannot fail. ``value`` is asked only of rows without a problem.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth.hashers import get_hashers

from exchanger.kernel.money.currencies import CEILING, MOST_PLACES, all_currencies

Problem = tuple[str, str]
"""A condition in SQL, and the reason's code."""

BCRYPT = r"^\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}$"
ARGON2 = r"^\$argon2(i|d|id)\$"
ZONED, ZONELESS = "timestamp with time zone", "timestamp without time zone"
_EMAIL = r"^[^@\s]+@[^@\s]+$"
_ZONED = r":[0-9]{2}[0-9.]*\s*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"


def literal(text: str) -> str:
    """A string constant of SQL."""
    escaped = text.replace("'", "''")
    return f"E'{escaped.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{escaped}'"


def array(texts: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(map(literal, texts))}]::text[]"


class Kind:
    """What a new column takes; ``new_type`` is the type of its values."""

    @property
    def new_type(self) -> str:
        return "text"

    def problems(self, text: str, came_as: str = "text") -> Iterator[Problem]:
        """What can be wrong with a value that is not NULL; ``text`` is SQL."""
        return iter(())

    def value(self, text: str, came_as: str = "text") -> str:
        """The value, of a text without a problem; NULL of NULL."""
        return text

    def notes(self, text: str) -> Iterator[Problem]:
        """What is lost of a value that is taken all the same."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Plain(Kind):
    """Whatever PostgreSQL reads as ``type_name``, a type as ``format_type`` names it."""

    type_name: str
    code: str

    @property
    def new_type(self) -> str:
        return self.type_name

    def problems(self, text: str, came_as: str = "text") -> Iterator[Problem]:
        if came_as != self.new_type:
            yield f"NOT pg_input_is_valid({text}, {literal(self.new_type)})", self.code

    def value(self, text: str, came_as: str = "text") -> str:
        return f"{text}::{self.new_type}"


UUID_ = Plain("uuid", "not_a_uuid")
BOOLEAN = Plain("boolean", "not_a_boolean")
BIGINT = Plain("bigint", "not_an_integer")
JSON = Plain("jsonb", "not_json")
INET = Plain("inet", "not_an_address")


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """``most`` characters, without the spaces around them where ``trimmed``."""

    most: int | None = None
    trimmed: bool = False

    def problems(self, text: str, came_as: str = "text") -> Iterator[Problem]:
        if self.most is not None:
            yield f"length({self.value(text)}) > {self.most}", "too_long"

    def value(self, text: str, came_as: str = "text") -> str:
        return f"btrim({text})" if self.trimmed else text


@dataclass(frozen=True, slots=True)
class Email(Kind):
    """In lower case."""

    def problems(self, text: str, came_as: str = "text") -> Iterator[Problem]:
        yield f"{self.value(text)} !~ {literal(_EMAIL)}", "not_an_email"
        yield f"length({self.value(text)}) > 255", "too_long"

    def value(self, text: str, came_as: str = "text") -> str:
        return f"lower(btrim({text}))"


@dataclass(frozen=True, slots=True)
class Password(Kind):
    """A hash in Django's own form, as Node's bcrypt and argon2 libraries wrote it, or one that nobody's password fits.

    Nobody is left behind for the sake of a hash that cannot be checked here: a new password is a mail away.
    """

    def problems(self, text: str, came_as: str = "text") -> Iterator[Problem]:
        yield f"length({text}) > 248", "too_long"

    def value(self, text: str, came_as: str = "text") -> str:
        return f"CASE WHEN {self._unknown(text)} THEN '!imported' ELSE {self._turned(text)} END"

    def notes(self, text: str) -> Iterator[Problem]:
        yield self._unknown(text), "hash_unknown"

    def _unknown(self, text: str) -> str:
        known = array(str(hasher.algorithm) for hasher in get_hashers())
        return f"split_part({self._turned(text)}, '$', 1) <> ALL ({known}) AND left({text}, 1) <> '!'"

    def _turned(self, text: str) -> str:
        return (
            f"CASE WHEN {text} ~ {literal(BCRYPT)} THEN 'bcrypt$' || {text}"
            f" WHEN {text} ~ {literal(ARGON2)} THEN 'argon2' || {text} ELSE {text} END"
        )


@dataclass(frozen=True, slots=True)
class Time(Kind):
    """A moment. One that names no zone is of ``zone``."""

    zone: str

    @property
    def new_type(self) -> str:
        return "timestamptz"

    def problems(self, text: str, came_as: str = "text") -> Iterator[Problem]:
        if came_as not in (ZONED, ZONELESS):
            yield f"NOT pg_input_is_valid({text}, 'timestamptz')", "not_a_time"
        # What Python's datetime cannot hold could not be shown.
        yield f"{text}::timestamptz NOT BETWEEN '0001-01-02Z' AND '9999-12-30Z'", "time_out_of_range"

    def value(self, text: str, came_as: str = "text") -> str:
        zoneless = f"{text}::timestamp AT TIME ZONE {literal(self.zone)}"
        if came_as in (ZONED, ZONELESS):
            return f"{text}::timestamptz" if came_as == ZONED else zoneless
        return f"CASE WHEN {text} ~ {literal(_ZONED)} THEN {text}::timestamptz ELSE {zoneless} END"


@dataclass(frozen=True, slots=True)
class Number(Kind):
    """A number of ``digits`` in front of the point and eight behind; above zero where ``positive``."""

    digits: int
    positive: bool = False
    code: str = "not_a_number"

    @property
    def new_type(self) -> str:
        return "numeric"

    def problems(self, text: str, came_as: str = "text") -> Iterator[Problem]:
        if came_as not in ("numeric", "integer", "bigint"):
            yield f"NOT pg_input_is_valid({text}, 'numeric')", self.code
        yield f"abs({text}::numeric) >= 1e{self.digits}", "too_large"  # as NaN and Infinity are
        if self.positive:
            yield f"{text}::numeric <= 0", "not_positive"
        yield f"{text}::numeric <> round({text}::numeric, {MOST_PLACES})", "too_many_decimals"

    def value(self, text: str, came_as: str = "text") -> str:
        return f"{text}::numeric"


MONEY = Number(CEILING.adjusted(), positive=True, code="not_an_amount")


@dataclass(frozen=True, slots=True)
class CurrencyCode(Kind):
    """A code that the platform knows, in upper case; ``aliases`` are other codes of the same."""

    aliases: Mapping[str, str] = field(default_factory=dict)

    def problems(self, text: str, came_as: str = "text") -> Iterator[Problem]:
        yield f"{self.value(text)} <> ALL ({array(known.code for known in all_currencies())})", "currency_unknown"

    def value(self, text: str, came_as: str = "text") -> str:
        return _mapped(f"upper(btrim({text}))", self.aliases)


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of ``choices``, in lower case; ``aliases`` are other words for them."""

    choices: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    code: str = "status_unknown"

    def problems(self, text: str, came_as: str = "text") -> Iterator[Problem]:
        yield f"{self.value(text)} <> ALL ({array(self.choices)})", self.code

    def value(self, text: str, came_as: str = "text") -> str:
        return _mapped(f"lower(btrim({text}))", self.aliases)


@dataclass(frozen=True, slots=True)
class Preferred(Kind):
    """One of ``choices``, or else ``fallback``: what a person can set again in a moment is no reason to lose them."""

    choices: tuple[str, ...]
    fallback: str
    code: str
    aliases: Mapping[str, str] = field(default_factory=dict)

    def value(self, text: str, came_as: str = "text") -> str:
        return f"CASE WHEN {self._unknown(text)} THEN {literal(self.fallback)} ELSE {self._turned(text)} END"

    def notes(self, text: str) -> Iterator[Problem]:
        yield self._unknown(text), self.code

    def _unknown(self, text: str) -> str:
        return f"{self._turned(text)} <> ALL ({array(self.choices)})"

    def _turned(self, text: str) -> str:
        return _mapped(f"btrim({text})", self.aliases)


@dataclass(frozen=True, slots=True)
class Permission(Kind):
    """A permission's name. What it means depends on its context, which a check of the table's asks."""


LANGUAGE = Preferred(
    tuple(code for code, _ in settings.LANGUAGES), settings.LANGUAGE_CODE, "language_unknown", {"ua": "uk"}
)


def _mapped(expression: str, aliases: Mapping[str, str]) -> str:
    if not aliases:
        return expression
    cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in aliases.items())
    return f"CASE {expression} {cases} ELSE {expression} END"
