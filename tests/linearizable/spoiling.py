"""Histories that are wrong for sure, made of ones that are right: the judge must reject them."""

import collections.abc
import copy
import dataclasses
import json
import random

from tests.linearizable import model
from tests.linearizable.history import Answer, History, Operation

Spoilt = list[Operation]
#: Returns None if it finds nothing to spoil.
Spoiling = collections.abc.Callable[[History, random.Random], Spoilt | None]

#: What is asked when all callers have ended.
JOBS = {'name': 'list_jobs'}
SESSIONS = {'name': 'list_sessions'}


def forget_write(history: History, chosen: random.Random) -> Spoilt | None:
    """Leave out a call that has written a text which somebody was shown.

    Each text is written by one call alone.
    """
    shown = json.dumps([operation.answer for operation in history])
    writers = []
    for operation in history:
        text = operation.asked.get('description')
        if not text or operation.asked['name'] in model.READS:
            continue
        if f'"description": "{text}"' in shown:
            writers.append(operation)
    if not writers:
        return None
    left_out = chosen.choice(writers)
    return [operation for operation in history if operation is not left_out]


def show_old_text(history: History, chosen: random.Random) -> Spoilt | None:
    """Let the last list of jobs show a text that was written over by then."""
    last = _last(history, JOBS)
    shown = _body(history[last])
    old = []
    for operation in history:
        asked = operation.asked
        # One without an answer might still take effect.
        if operation.answer is None or asked['name'] not in ('patch_job', 'put_job'):
            continue
        job = shown.get(asked['job'])
        if job is not None and job['description'] != asked['description']:
            old.append((asked['job'], asked['description']))
    if not old:
        return None
    job_id, description = chosen.choice(old)
    answer = copy.deepcopy(history[last].answer)
    answer['body'][job_id]['description'] = description
    return _with_answer(history, last, answer)


def swap_reads(history: History, chosen: random.Random) -> Spoilt | None:
    """Let a job show an older version after a newer one: exchange what two calls were answered."""
    reads = []
    for at, operation in enumerate(history):
        if operation.asked['name'] == 'get_job' and _status(operation) == 200:
            # Deleted, it would begin again with an old version.
            if not _is_deleted(history, operation.asked['job']):
                reads.append(at)
    pairs = []
    for one in reads:
        for other in reads:
            if _grows(history[one], history[other]):
                pairs.append((one, other))
    if not pairs:
        return None
    one, other = chosen.choice(pairs)
    spoilt = _with_answer(history, one, history[other].answer)
    return _with_answer(spoilt, other, history[one].answer)


def _grows(earlier: Operation, later: Operation) -> bool:
    """Whether a job was shown by both, one after the other, and has changed between them."""
    if earlier.asked['job'] != later.asked['job'] or earlier.ended >= later.called:
        return False
    name = f'jobs/{earlier.asked["job"]}'
    assert earlier.answer is not None and later.answer is not None
    return earlier.answer['versions'][name][0] < later.answer['versions'][name][0]


def _is_deleted(history: History, job_id: str) -> bool:
    deletion = ('delete_job', job_id)
    return any((call.asked['name'], call.asked.get('job')) == deletion for call in history)


def raise_tag(history: History, chosen: random.Random) -> Spoilt | None:
    """Let the last list of sessions show a higher tag of one than anybody has given it."""
    last = _last(history, SESSIONS)
    answer = copy.deepcopy(history[last].answer)
    if answer is None or not answer['body']:
        return None
    session_id = chosen.choice(sorted(answer['body']))
    answer['body'][session_id]['session_tag'] += 100
    return _with_answer(history, last, answer)


def _last(history: History, asked: dict[str, str]) -> int:
    """Where it was asked for the last time."""
    return max(at for at, operation in enumerate(history) if operation.asked == asked)


def _status(operation: Operation) -> int:
    return operation.answer['status'] if operation.answer else 0


def _body(operation: Operation) -> dict:
    return operation.answer['body'] if operation.answer else {}


def _with_answer(history: History, at: int, answer: Answer | None) -> Spoilt:
    changed = list(history)
    changed[at] = dataclasses.replace(history[at], answer=answer)
    return changed


SPOILINGS: dict[str, Spoiling] = {
    'forget_write': forget_write,
    'show_old_text': show_old_text,
    'swap_reads': swap_reads,
    'raise_tag': raise_tag,
}
