"""The WSGI application of a context's process, for granian or any other server."""

import os

from django.core.wsgi import get_wsgi_application

from exchanger.environment import one_line_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchanger.settings")
with one_line_errors():
    from exchanger.kernel.contexts import current

    application = get_wsgi_application()
    current()  # a maintenance process serves nobody
