from identity.api.permissions import ModelPermissions

_VIEW = ["%(app_label)s.view_%(model_name)s"]


class MaySee(ModelPermissions):
    """``app.view_model``, whatever is asked for: what more an act takes, its service asks, which records it."""

    perms_map = dict.fromkeys(ModelPermissions.perms_map, _VIEW)
