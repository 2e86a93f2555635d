"""A form made of a configuration document's schema, in which lists are lines and tables have columns parted by ``|``.

The schema stays the only one to say what is right: the form turns text into a document, has the serializer judge it,
and puts what that says beside the field.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from rest_framework import serializers
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from exchanger.kernel.documents import told

COLUMN = " | "
Schema = serializers.Serializer[Any]


class DocumentForm(forms.Form):
    """The document of ``schema``; after ``is_valid`` it is ``document``, as JSON has it."""

    def __init__(self, schema: type[Schema], data: Any = None, *, document: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=_texts(schema(), document or {}))
        self.schema = schema
        self.document: dict[str, Any] = {}
        for name, field in schema().fields.items():
            self.fields[name] = _form_field(field)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name, field in self.schema().fields.items():
            # An empty table is none, and an empty list is one without entries.
            kept = field.required or isinstance(field, serializers.ListField)
            if name in cleaned and (kept or cleaned[name] not in {"", None}):
                try:
                    self.document[name] = _value(field, cleaned[name])
                except ValueError as error:
                    self.add_error(name, str(error))
        judged = self.schema(data=self.document)
        if not self.errors and not judged.is_valid():
            for name, problem in judged.errors.items():
                for line in told(problem):
                    self.add_error(name if name in self.fields else None, line)
        return cleaned


def _form_field(field: Any) -> forms.Field:
    help_text = " ".join(part for part in (field.help_text, _layout(field)) if part)
    shared: dict[str, Any] = {"required": False, "help_text": help_text}
    match field:
        case serializers.BooleanField():
            return forms.BooleanField(widget=UnfoldBooleanSwitchWidget, **shared)
        case serializers.IntegerField():
            limits = {"min_value": field.min_value, "max_value": field.max_value}
            return forms.IntegerField(
                widget=UnfoldAdminIntegerFieldWidget, **{**shared, **limits, "required": not field.allow_null}
            )
        case serializers.ListField() | serializers.DictField():
            return forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}), **shared)
        case _:
            return forms.CharField(widget=UnfoldAdminTextInputWidget, **{**shared, "required": field.required})


def _layout(field: Any) -> str:
    """How the text of a list or a table is laid out."""
    match field:
        case serializers.ListField(child=serializers.ChoiceField() as child):
            return f"There are: {', '.join(str(choice) for choice in child.choices)}."
        case serializers.DictField(child=serializers.Serializer() as child):
            return f"One a line: {COLUMN.join(['which', *child.fields])}."
        case serializers.DictField(child=serializers.DictField()):
            return ""  # what the columns are is for the field's own help to say
        case serializers.DictField():
            return f"One a line: {COLUMN.join(['which', 'value'])}."
    return ""


def _texts(schema: Schema, document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _text(field, document[name]) for name, field in schema.fields.items() if name in document}


def _text(field: Any, value: Any) -> Any:
    match field:
        case serializers.ListField():
            return "\n".join(str(item) for item in value)
        case serializers.DictField(child=serializers.Serializer() as child):
            rows = ([key, *(str(row.get(name, "")) for name in child.fields)] for key, row in value.items())
            return "\n".join(COLUMN.join(row) for row in rows)
        case serializers.DictField(child=serializers.DictField()):
            rows = ([outer, key, _on_a_line(text)] for outer, inner in value.items() for key, text in inner.items())
            return "\n".join(COLUMN.join(row) for row in rows)
        case serializers.DictField():
            return "\n".join(f"{key}{COLUMN}{item}" for key, item in value.items())
    return value


def _value(field: Any, text: Any) -> Any:
    """What stands in a form's field, as the document has it. Raises ValueError: the lines are not laid out so."""
    match field:
        case serializers.ListField():
            return _lines(text)
        case serializers.DictField(child=serializers.Serializer() as child):
            names = list(child.fields)
            return {key: dict(zip(names, row, strict=True)) for key, row in _rows(text, len(names))}
        case serializers.DictField(child=serializers.DictField()):
            return _tables(text)
        case serializers.DictField():
            return {key: value for key, (value,) in _rows(text, 1)}
    return text


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _rows(text: str, columns: int) -> list[tuple[str, list[str]]]:
    rows: dict[str, list[str]] = {}
    for line in _lines(text):
        key, *values = (cell.strip() for cell in line.split(COLUMN.strip()))
        if len(values) != columns:
            raise ValueError(f"'{line}' has {len(values) + 1} columns, not {columns + 1}.")
        if key in rows:
            raise ValueError(f"'{key}' stands here twice.")
        rows[key] = values
    return list(rows.items())


def _tables(text: str) -> dict[str, dict[str, str]]:
    """``outer | inner | value`` a line; the value may have bars of its own, and ``\\n`` is a new line in it."""
    tables: dict[str, dict[str, str]] = {}
    for line in _lines(text):
        cells = [cell.strip() for cell in line.split(COLUMN.strip(), 2)]
        if len(cells) != 3:
            raise ValueError(f"'{line}' has {len(cells)} columns, not 3.")
        outer, inner, value = cells
        table = tables.setdefault(outer, {})
        if inner in table:
            raise ValueError(f"'{outer}{COLUMN}{inner}' stands here twice.")
        table[inner] = value.replace("\\n", "\n")
    return tables


def _on_a_line(text: str) -> str:
    return text.replace("\n", "\\n")
