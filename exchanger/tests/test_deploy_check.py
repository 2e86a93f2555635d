"""``make deploy``: one line for each kind of process, and a failure when one of them is not fit for production."""

import pytest

from exchanger.kernel.contexts import Context
from exchanger.testing import deploy_check
from exchanger.testing.production import production_environment


def test_the_one_process_that_is_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_a_mistake(context: Context | None) -> dict[str, str]:
        mistake = {"SECURE_HSTS_SECONDS": "0"} if context is Context.ADMIN else {}
        return {**production_environment(context), **mistake}

    monkeypatch.setattr(deploy_check, "production_environment", with_a_mistake)
    assert deploy_check.main() == 1
    printed = capsys.readouterr()
    lines = dict(line.split() for line in printed.out.splitlines())
    assert lines == {"web": "ok", "admin": "FAILED", "telegram": "ok", "maintenance": "ok"}
    assert "exchanger.W040" in printed.err
