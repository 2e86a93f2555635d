"""The headers in which a web process of the drill tells what a request did."""

STATEMENTS = "X-Drill-Statements"  # SQL statements that it ran
TIMEOUTS = "X-Drill-Timeouts"  # commands to Redis that nobody answered in time
