#!/usr/bin/env python
"""Django's command line, for every process of the platform."""

import os
import sys

from exchanger.kernel.garbage import collected_later


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchanger.settings")
    with collected_later():
        import django
        from django.core.management import execute_from_command_line

        from exchanger.environment import one_line_errors
        from exchanger.local.attach import attach

        with one_line_errors():
            attach(sys.argv)
            django.setup()
    with one_line_errors():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
