import random

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

FIRST_SECONDS = 1
LONGEST_SECONDS = 300


class Backoff(BaseRetryStrategy):
    """Try again until it works: after 1 s, 2 s, 4 s … and at most 5 minutes, each shortened by up to a half at random.

    Without the randomness all that failed together would come back together.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(job.attempts, 16))
        seconds = longest * random.uniform(0.5, 1)  # noqa: S311
        return RetryDecision(retry_in={"milliseconds": int(seconds * 1000)})
