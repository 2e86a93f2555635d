from django.db import models

from exchanger.kernel.db.constraints import DatabaseForeignKey
from exchanger.kernel.db.fields import VarCharField, timestamp


class TelegramLinkCode(models.Model):
    """The code with which a person may link a Telegram account, one a person (table ``telegram_link_codes``).

    Only its hash is kept. The telegram application has no right to the table: it finds and redeems a code by functions
    that take the hash. What nobody redeemed stays, expired, until the person's next one.
    """

    user = models.OneToOneField(
        "identity.User", models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    code_hash = VarCharField(max_length=64)
    expires_at = models.DateTimeField()
    created_at = timestamp()

    class Meta:
        db_table = "telegram_link_codes"
        constraints = [
            DatabaseForeignKey(name="fk_telegram_link_code", column="user_id", references="users"),
            models.UniqueConstraint(fields=["code_hash"], name="telegram_link_codes_code_hash"),
        ]

    def __str__(self) -> str:
        return f"link code of {self.pk}"
