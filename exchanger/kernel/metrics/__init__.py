"""What a process counts of itself, and how ``/metrics`` tells it."""
