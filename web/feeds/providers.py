"""The providers that a configuration may name, and how one is asked."""

from django.conf import settings

from web.feeds.answers import Answer, Provider
from web.feeds.download import download
from web.feeds.ecb import EuropeanCentralBank
from web.feeds.nbu import NationalBankOfUkraine

PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (NationalBankOfUkraine(), EuropeanCentralBank())
}


def ask(provider: Provider) -> Answer:
    """What a provider publishes now.

    Raises:
        web.feeds.answers.FeedError: nothing that can be used.
    """
    body = download(
        settings.FEED_URLS[provider.name], content_types=provider.content_types, timeout=settings.FEED_TIMEOUT
    )
    return provider.read(body)
