"""Histories that are wrong for sure, made of ones that are right: the judge must reject them."""

import collections.abc
import copy
import dataclasses
import json
import random
import typing

from tests.linearizable import model
from tests.linearizable.history import Answer, History, Operation

Spoilt = list[Operation]
#: Returns None if it finds nothing to spoil.
Spoiling = collections.abc.Callable[[History, random.Random], Spoilt | None]


def forget_write(history: History, chosen: random.Random) -> Spoilt | None:
    """Leave out a call that has written a text which somebody was shown."""
    shown = json.dumps([operation.answer for operation in history])
    writers = [
        operation
        for operation in history
        if operation.asked.get('description')
        and operation.asked['name'] not in model.READS
        and f'"description": "{operation.asked["description"]}"' in shown
    ]
    if not writers:
        return None
    left_out = chosen.choice(writers)
    return [operation for operation in history if operation is not left_out]


def show_old_text(history: History, chosen: random.Random) -> Spoilt | None:
    """Let the last list show a text that was written over by then.

    Each text is written once, and all callers have ended when the last list is made.
    """
    *_, last = (at for at, operation in enumerate(history) if operation.asked == JOBS)
    assert history[last].answer is not None
    shown = history[last].answer['body']
    old = [
        (asked['job'], asked['description'])
        for asked in (operation.asked for operation in history if operation.answer is not None)
        if asked['name'] in ('patch_job', 'put_job')
        and asked['job'] in shown
        and shown[asked['job']]['description'] != asked['description']
    ]
    if not old:
        return None
    job_id, description = chosen.choice(old)
    answer = copy.deepcopy(history[last].answer)
    answer['body'][job_id]['description'] = description
    return _with_answer(history, last, answer)


JOBS = {'name': 'list_jobs'}


def swap_reads(history: History, chosen: random.Random) -> Spoilt | None:
    """Let a document show an older version after a newer one: exchange what two calls were
    answered.
    """
    reads = [
        (at, operation)
        for at, operation in enumerate(history)
        if operation.asked['name'] == 'get_job' and (operation.answer or {}).get('status') == 200
    ]
    pairs = [
        (at, later_at)
        for at, read in reads
        for later_at, later in reads
        if read.asked['job'] == later.asked['job']
        and read.ended < later.called
        and _is_newer(later.answer, read.answer, f'jobs/{read.asked["job"]}')
        and not _is_deleted(history, read.asked['job'])
    ]
    if not pairs:
        return None
    one, other = chosen.choice(pairs)
    spoilt = _with_answer(history, one, history[other].answer)
    return _with_answer(spoilt, other, history[one].answer)


def _is_newer(later: typing.Any, earlier: typing.Any, name: str) -> bool:
    return later['versions'][name][0] > earlier['versions'][name][0]


def _is_deleted(history: History, job_id: str) -> bool:
    """Whether somebody may have made its versions begin again."""
    deletion = ('delete_job', job_id)
    return any((call.asked['name'], call.asked.get('job')) == deletion for call in history)


def raise_tag(history: History, chosen: random.Random) -> Spoilt | None:
    """Let the last list show a higher tag of a session than it has."""
    *_, last = (at for at, operation in enumerate(history) if operation.asked == SESSIONS)
    answer = copy.deepcopy(history[last].answer)
    assert answer is not None
    if not answer['body']:
        return None
    session_id = chosen.choice(sorted(answer['body']))
    answer['body'][session_id]['session_tag'] += 100
    return _with_answer(history, last, answer)


SESSIONS = {'name': 'list_sessions'}


def _with_answer(history: History, at: int, answer: Answer | None) -> Spoilt:
    changed = list(history)
    changed[at] = dataclasses.replace(history[at], answer=answer)
    return changed


SPOILINGS: dict[str, Spoiling] = {
    spoiling.__name__: spoiling for spoiling in (forget_write, show_old_text, swap_reads, raise_tag)
}
