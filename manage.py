#!/usr/bin/env python
"""Django's command line, for every process of the platform."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchanger.settings")
    from exchanger.environment import one_line_errors

    with one_line_errors():
        from exchanger.local.attach import attach

        attach(sys.argv)
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
