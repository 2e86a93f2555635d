"""The headers in which a web process of the drill tells what a request did."""

STATEMENTS = "X-Drill-Statements"  # SQL statements that it ran
UNANSWERED = "X-Drill-Unanswered"  # commands to Redis that failed for want of an answer or a connection
