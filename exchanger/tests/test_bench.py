"""The benches run as their user would run them, on servers of their own, and hold what they promise."""

import subprocess
import sys

import pytest

from exchanger.local.paths import CHECKOUT

PATIENCE = 180  # seconds, before a bench is told to stop and clean up


def run(*command):
    """The bench's exit status and what it printed; its own servers and processes end with it."""
    with subprocess.Popen(
        [sys.executable, *command], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.terminate()
            output, _ = process.communicate()
    return process.returncode, output


def test_every_promise_holds_while_servers_and_a_process_are_broken_under_load():
    status, output = run("bench/drill.py", "--seconds", "0.5", "--timeout", "0.4", "--probe", "0.5")
    assert status == 0, output
    assert output.endswith("\nAll promises held.\n")


def test_every_promise_of_the_exchange_holds_while_its_processes_are_killed():
    status, output = run("bench/exchange.py", "--seconds", "3", "--life", "10")
    assert status == 0, output
    assert output.endswith("\nAll promises held.\n")


def test_no_writer_fails_while_expired_sessions_are_purged():
    status, output = run("bench/purge.py", "--rows", "4000", "--quiet", "0.5")
    assert status == 0, output
    assert "No writer failed" in output


def test_a_larger_report_needs_no_more_memory():
    status, output = run("bench/reports.py", "--rows", "5000")
    assert status == 0, output
    assert "The memory grew by" in output


def test_a_migration_is_rehearsed_with_kills_and_every_flaw_is_found():
    status, output = run("bench/migration.py", "--rows", "4000")
    assert status == 0, output
    assert output.endswith("\nAll promises held.\n")


@pytest.mark.parametrize(
    "bench",
    [
        "contract",
        "drill",
        "exchange",
        "lists",
        "migration",
        "notifications",
        "old_sessions",
        "purge",
        "reports",
        "sessions",
    ],
)
def test_a_bench_says_what_it_is(bench):
    status, output = run(f"bench/{bench}.py", "--help")
    assert status == 0, output
