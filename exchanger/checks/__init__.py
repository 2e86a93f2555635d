"""System checks of the platform's own configuration: ``manage.py check`` runs them all, ``--deploy`` those of HTTP too.

Each finding has an id, says what is wrong and hints at the variable to set. The errors that concern isolation also
keep a server from starting: see ``refuse_errors``.
"""

from django.core.checks import run_checks

from exchanger.checks import caches, databases, http, process, surplus, wiring  # noqa: F401  (registers the checks)
from exchanger.checks.findings import TAG
from exchanger.environment import WrongEnvironment


def refuse_errors() -> None:
    """Refuse to serve with a configuration that a check calls an error; a WSGI server runs no checks by itself.

    Raises:
        WrongEnvironment: with the first error and its hint.
    """
    for finding in run_checks(tags=[TAG]):
        if finding.is_serious() and not finding.is_silenced():
            raise WrongEnvironment(f"{finding.msg} {finding.hint} ({finding.id})")
