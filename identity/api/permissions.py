"""DRF permissions, all answered by ``user_permissions`` of the process's own context."""

from typing import ClassVar

from rest_framework.permissions import DjangoModelPermissions


class ModelPermissions(DjangoModelPermissions):
    """``app.view_model`` to read, ``app.change_model`` to change, and so on."""

    perms_map: ClassVar[dict[str, list[str]]] = {
        **DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }
