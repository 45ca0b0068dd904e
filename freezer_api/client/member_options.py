"""What a person wants of single members: ``--job JOB_ID:KEY=VALUE`` as the API
is told it.
"""

import argparse
import collections.abc
import typing

#: Keys that are the member's own; any other one is set in its
#: ``freezer_action``.
OWN = ('client_id', 'path')
FLAGS = ('overwrite', 'skip')
_FLAG = {'true': True, 'false': False}
_WORDS: dict[str, typing.Any] = {**_FLAG, 'null': None}

Wish = tuple[str, str, typing.Any]


def wish(text: str) -> Wish:
    """The job, the key and the value of one option, or what ``argparse`` tells
    as its error.
    """
    job_id, colon, rest = text.partition(':')
    key, equals, value = rest.partition('=')
    if not (job_id and colon and key and equals):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not of the form JOB_ID:KEY=VALUE'
        )
    if key not in FLAGS:
        return job_id, key, value
    if value.lower() not in _FLAG:
        raise argparse.ArgumentTypeError(f'{text!r}: {key} is true or false')
    return job_id, key, _FLAG[value.lower()]


def together(
    wishes: collections.abc.Iterable[Wish],
) -> dict[str, dict[str, typing.Any]]:
    """The request's ``jobs``. Where a key is named twice the last one
    counts.
    """
    found: dict[str, dict[str, typing.Any]] = {}
    for job_id, key, value in wishes:
        member = found.setdefault(job_id, {})
        if key in (*OWN, *FLAGS):
            member[key] = value
        else:
            member.setdefault('freezer_action', {})[key] = _WORDS.get(
                value, value
            )
    return found
