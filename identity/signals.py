"""What happens to people and others may want to know of, beside the signals of django.contrib.auth."""

from django.dispatch import Signal

# Somebody gave the right password and may not come in all the same; sent with ``request``, ``user`` and the ``reason``.
login_denied = Signal()
NOT_OPERATOR = "no permission in the admin context"
