from django.db import models

from exchanger.kernel.db.fields import VarCharField, timestamp, uuid_key


class OperatorFactor(models.Model):
    """What an operator's authenticator shares with us (table ``operator_factors``), in the admin database alone.

    At most two rows a person: the one that counts, and one that has been begun and not confirmed yet. ``secret`` is
    encrypted (``admin_panel.factor_secrets``). A code is one of a step of 30 seconds; none of a step up to
    ``last_used_step`` is taken any more.
    """

    id = uuid_key()
    user_id = models.UUIDField()
    secret = VarCharField(max_length=500)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_used_step = models.BigIntegerField(db_default=0)
    created_at = timestamp()

    class Meta:
        db_table = "operator_factors"
        default_permissions = ("delete",)
        constraints = [
            models.UniqueConstraint(
                name="operator_factors_one_confirmed",
                fields=["user_id"],
                condition=models.Q(confirmed_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="operator_factors_one_begun", fields=["user_id"], condition=models.Q(confirmed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{'Confirmed' if self.confirmed_at else 'Begun'} factor of {self.user_id}"


class OperatorRecoveryCode(models.Model):
    """What lets an operator in once without their authenticator (table ``operator_recovery_codes``), by its SHA-256."""

    id = uuid_key()
    user_id = models.UUIDField()
    code_hash = VarCharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = timestamp()

    class Meta:
        db_table = "operator_recovery_codes"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(name="operator_recovery_codes_unique", fields=["user_id", "code_hash"]),
        ]

    def __str__(self) -> str:
        return f"Recovery code of {self.user_id}"
