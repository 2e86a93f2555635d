"""django-redis' key functions: a key in Redis is the source document's, whole, with nothing added."""

from exchanger.kernel.cache.namespaces import own_prefixes
from exchanger.kernel.contexts import ForeignContext, current


def literal_key(key: object, prefix: str, version: int) -> str:
    """The key as it is, once it is one of the process's own.

    Raises:
        NoContext: in a maintenance process.
        ForeignContext: the key lies outside the context's prefixes; Redis is not asked.
    """
    text = str(key)
    context = current()
    if not text.startswith(own_prefixes(context)):
        raise ForeignContext(text, context)
    return text


def reverse_key(key: str) -> str:
    return key
