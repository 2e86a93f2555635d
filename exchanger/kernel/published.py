"""A context's configuration as its own database holds it: a copy that operators publish there.

A decision about money reads the row in its own transaction. Whatever only shows something asks for the process's copy,
which is renewed every three seconds: a process obeys a new version within five, at one statement in three seconds.
"""

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.db import models, transaction

from exchanger.kernel.cache.codec import decode, encode
from exchanger.kernel.db.fields import VarCharField, timestamp
from exchanger.kernel.db.functions import TransactionNow

RENEW_SECONDS = 3.0
MOST_SECONDS = 4.5

T = TypeVar("T")


class Published(models.Model):
    """The version of a document that is in force; each database of a context has its own table of them."""

    key = VarCharField(max_length=50, primary_key=True)
    version = models.IntegerField()
    document = models.JSONField()
    published_at = timestamp()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class PublishedDocument(Generic[T]):
    """The document ``key`` of a context, as its database has it: how it is read there, and put there.

    ``parse`` makes what a version states of its number and its document, and raises
    exchanger.kernel.documents.InvalidDocument.
    """

    def __init__(self, model: type[Published], alias: str, key: str, parse: Callable[[int, Any], T]) -> None:
        self._rows = model._default_manager.filter(key=key)
        self._model, self._alias, self._key = model, alias, key
        self._parse = parse
        # Reading a document's text anew with each decision costs more than the statement that brought it.
        self._parsed = lru_cache(maxsize=8)(lambda version, text: parse(version, decode(text)))

    def row(self) -> Published | None:
        """What is in force; None where nothing was published."""
        return self._rows.first()

    def read(self) -> T | None:
        """The same, parsed. Raises InvalidDocument: this version of the code cannot obey it."""
        row = self.row()
        return None if row is None else self._parsed(row.version, encode(row.document))

    def put(self, *, version: int, document: Any) -> tuple[T, Published | None]:
        """Put a version into force; what it states, and the row that was in force before.

        Raises:
            InvalidDocument: nothing was changed.
        """
        stated = self._parse(version, document)
        with transaction.atomic(using=self._alias):
            before = self._rows.select_for_update().first()
            self._model._default_manager.update_or_create(
                key=self._key, defaults={"version": version, "document": document, "published_at": TransactionNow()}
            )
        return stated, before


class RecentCopy(Generic[T]):
    """What ``read`` returned at most MOST_SECONDS ago, shared by the threads of a process."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._held: tuple[float, T] | None = None
        _copies.append(self)

    def get(self) -> T:
        """The copy; while one thread renews it the others use the one that is there. Raises what ``read`` raises."""
        if (held := self._fresh(MOST_SECONDS if self._lock.locked() else RENEW_SECONDS)) is not None:
            return held[1]
        with self._lock:
            if (held := self._fresh(RENEW_SECONDS)) is not None:
                return held[1]
            began = time.monotonic()
            value = self._read()
            self._held = (began, value)
            return value

    def _fresh(self, seconds: float) -> tuple[float, T] | None:
        held = self._held
        return held if held is not None and time.monotonic() - held[0] < seconds else None

    def forget(self) -> None:
        """Read anew next time: the process has published, or has been given another database."""
        self._held = None


_copies: list[RecentCopy[Any]] = []


def forget_copies() -> None:
    for copy in _copies:
        copy.forget()
