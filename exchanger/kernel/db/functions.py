from django.db.models import DateTimeField, Func


class TransactionNow(Func):
    """SQL ``now()``: the transaction's start. Django's own ``Now()`` is the statement's."""

    template = "now()"
    output_field = DateTimeField()
