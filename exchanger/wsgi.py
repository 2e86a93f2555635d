"""The WSGI application of a context's process, for granian or any other server."""

import os

import django

from exchanger.environment import WrongEnvironment, one_line_errors
from exchanger.kernel.garbage import collected_later

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchanger.settings")
with one_line_errors(), collected_later():
    from exchanger.kernel.contexts import current_or_none

    if current_or_none() is None:  # a maintenance process serves nobody
        raise WrongEnvironment("EXCHANGER_CONTEXT is not set: set it to web, admin or telegram")
    django.setup(set_prefix=False)
    from exchanger.checks import refuse_errors
    from exchanger.kernel.requests import Application

    application = Application()
    refuse_errors()
