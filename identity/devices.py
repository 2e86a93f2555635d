"""A short name for the program that opened a session, so that a person recognises it."""

import ua_parser


def device_name(agent: str) -> str:
    """``Firefox on Windows`` from a User-Agent; the agent itself where the rules do not know it."""
    browser, system = ua_parser.parse_user_agent(agent), ua_parser.parse_os(agent)
    return " on ".join(known.family for known in (browser, system) if known is not None) or agent
