"""Configuration files that are meant for production, set for a run of the sandbox."""

import re


def substitute(text: str, pattern: str, replacement: str, count: int = 1) -> str:
    """`text` with `replacement` for what `pattern` matches, a line's ends being its ^ and $.

    A pattern that does not match exactly `count` times is an AssertionError: the file has drifted away from what the
    sandbox knows of it, and a test would run something else than production does.
    """
    text, found = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if found != count:
        raise AssertionError(f'In the configuration for production {pattern} matches {found} times, not {count}.')
    return text
