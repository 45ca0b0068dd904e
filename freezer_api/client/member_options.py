"""``--job JOB_ID:KEY=VALUE``: what a user sets for single members of a
restore, and how the API expects it.
"""

import argparse
import collections.abc
import typing

#: Keys that belong to the member itself; any other key is set in its
#: ``freezer_action``.
MEMBER_KEYS = ('client_id', 'path')
FLAGS = ('overwrite', 'skip')
_BOOLEANS = {'true': True, 'false': False}
#: Words of a ``freezer_action`` that are JSON values and not text. ``null``
#: removes a key.
_LITERALS: dict[str, typing.Any] = {**_BOOLEANS, 'null': None}

#: Job, key and value.
MemberOption = tuple[str, str, typing.Any]
Body = dict[str, typing.Any]


def parse(text: str) -> MemberOption:
    """Parse one option; ``argparse.ArgumentTypeError`` says what is wrong
    with it.
    """
    job_id, _colon, rest = text.partition(':')
    key, equals, value = rest.partition('=')
    # The value may be empty, and may contain ":" and "=" itself.
    if not (job_id and key and equals):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not of the form JOB_ID:KEY=VALUE'
        )
    if key not in FLAGS:
        return job_id, key, value
    flag = _BOOLEANS.get(value.lower())
    if flag is None:
        raise argparse.ArgumentTypeError(
            f'{text!r}: {key} must be true or false'
        )
    return job_id, key, flag


def merge(options: collections.abc.Iterable[MemberOption]) -> dict[str, Body]:
    """Merge the options into the request's ``jobs``. If a key is given twice,
    the last value is used.
    """
    jobs: dict[str, Body] = {}
    for job_id, key, value in options:
        member = jobs.setdefault(job_id, {})
        if key in MEMBER_KEYS or key in FLAGS:
            member[key] = value
        else:
            action = member.setdefault('freezer_action', {})
            action[key] = _LITERALS.get(value, value)
    return jobs
