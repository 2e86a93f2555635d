from datetime import timedelta

from django import template

register = template.Library()


@register.filter
def waiting(span: timedelta) -> str:
    """How long something has waited, in its two largest units: ``3 d 4 h``."""
    minutes = max(int(span.total_seconds()) // 60, 0)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
