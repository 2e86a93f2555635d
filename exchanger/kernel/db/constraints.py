"""A foreign key that PostgreSQL itself enforces, under the name and with the action that the schema states."""

from typing import Any, Literal

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import BaseConstraint, Model

Action = Literal["CASCADE", "RESTRICT"]


class DatabaseForeignKey(BaseConstraint):
    """``CONSTRAINT name FOREIGN KEY (column) REFERENCES table(id) ON DELETE action``.

    Django neither names its foreign keys nor writes the action into them; pair this with a
    ``ForeignKey(..., db_constraint=False)``.
    """

    def __init__(self, *, name: str, column: str, references: str, on_delete: Action = "CASCADE") -> None:
        super().__init__(name=name)
        self.column = column
        self.references = references
        self.on_delete = on_delete

    def constraint_sql(self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        assert schema_editor is not None
        quote = schema_editor.quote_name
        return (
            f"CONSTRAINT {quote(self.name)} FOREIGN KEY ({quote(self.column)}) "
            f"REFERENCES {quote(self.references)} ({quote('id')}) ON DELETE {self.on_delete}"
        )

    def create_sql(self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        assert model is not None and schema_editor is not None
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} ADD {self.constraint_sql(model, schema_editor)}"

    def remove_sql(self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        assert model is not None and schema_editor is not None
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """PostgreSQL checks it; the form's own field has checked that the row exists."""

    def deconstruct(self) -> Any:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        arguments = {
            "name": self.name,
            "column": self.column,
            "references": self.references,
            "on_delete": self.on_delete,
        }
        return path, (), arguments

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DatabaseForeignKey):
            return NotImplemented
        return bool(self.deconstruct() == other.deconstruct())

    def __hash__(self) -> int:
        return hash(self.name)
