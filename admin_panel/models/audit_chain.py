from django.db import models

from exchanger.kernel.db.fields import VarCharField


class ChainLink(models.Model):
    """A row of the audit trail as it was when it was written (table ``audit_chain``), which only ever grows.

    PostgreSQL appends it, by a trigger: ``hash`` covers the row and the ``previous_hash``, so that no row can be
    changed, taken out, put in or moved without the chain showing it. ``entry`` is the row's table.
    """

    seq = models.BigIntegerField(primary_key=True)
    entry = VarCharField(max_length=20)
    row_id = models.UUIDField()
    previous_hash = VarCharField(max_length=64)
    hash = VarCharField(max_length=64)
    chained_at = models.DateTimeField()

    class Meta:
        db_table = "audit_chain"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["row_id", "entry"], name="audit_chain_row_unique")]

    def __str__(self) -> str:
        return f"{self.seq} {self.hash}"
