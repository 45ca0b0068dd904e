"""Histories that are wrong for sure, made of ones that are right: the judge must reject them."""

import collections.abc
import copy
import dataclasses
import json
import random

from tests.linearizable import model, windows
from tests.linearizable.history import Answer, Asked, History, Operation

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
    return _without_a_writer(history, chosen, lambda text: f'"description": "{text}"' in shown)


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
        is_read = operation.asked['name'] == 'get_job' and _status(operation) == 200
        if is_read and operation.caller != windows.READER:
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


# What is lost, done twice, or done by half: the reads at the end show it, all of them


def lose_write(history: History, chosen: random.Random) -> Spoilt | None:
    """Leave out a call whose text a job or a session has at the end."""
    at_the_end = {shown['description'] for shown in _shown_at_the_end(history)}
    return _without_a_writer(history, chosen, lambda text: text in at_the_end)


def come_back(history: History, chosen: random.Random) -> Spoilt | None:
    """Let a job have a text at the end that was written over: that write was done twice, or the
    other one was lost.
    """
    jobs = _body(history[_last(history, JOBS)])
    old = []
    for one in history:
        if one.answer is None or one.asked['name'] not in ('patch_job', 'put_job'):
            continue
        is_last = _is_last_text(history, one)
        if _status(one) < 300 and not is_last and one.asked['job'] in jobs:
            old.append((one.asked['job'], one.asked['description']))
    if not old:
        return None
    job_id, description = chosen.choice(old)
    return _with_last_reads(history, 'jobs', job_id, {'description': description})


def _is_last_text(history: History, one: Operation) -> bool:
    """Whether no write of a job, that was acknowledged, began after this one had ended."""
    for other in history:
        is_alike = other.asked['name'] in ('patch_job', 'put_job')
        if is_alike and other.asked['job'] == one.asked['job'] and _status(other) in (200, 201):
            if other.called > one.ended:
                return False
    return True


def halve(history: History, chosen: random.Random) -> Spoilt | None:
    """Let a member not know at the end that it is one: half of its attaching is lost."""
    jobs = _body(history[_last(history, JOBS)])
    members = [id for id, job in sorted(jobs.items()) if job['session_id']]
    if not members:
        return None
    return _with_last_reads(history, 'jobs', chosen.choice(members), {'session_id': ''})


def double(history: History, chosen: random.Random) -> Spoilt | None:
    """Let a session have the next tag at the end, without a run of it: a raise was done twice."""
    sessions = _body(history[_last(history, SESSIONS)])
    if not sessions:
        return None
    session_id = chosen.choice(sorted(sessions))
    tag = sessions[session_id]['session_tag'] + 1
    return _with_last_reads(history, 'sessions', session_id, {'session_tag': tag})


def _shown_at_the_end(history: History) -> list[dict]:
    """Return the documents that the last lists show."""
    lists = [_body(history[_last(history, asked)]) for asked in (JOBS, SESSIONS)]
    return [shown for listed in lists for shown in listed.values()]


def _with_last_reads(history: History, kind: str, id: str, changes: dict) -> Spoilt:
    """Let all reads at the end show a document with other values."""
    spoilt = list(history)
    for at, operation in enumerate(history):
        if operation.caller != windows.READER or operation.asked['name'] not in model.READS:
            continue
        answer = copy.deepcopy(operation.answer)
        for shown in _documents(operation.asked, answer, kind, id):
            shown.update(changes)
        spoilt[at] = dataclasses.replace(operation, answer=answer)
    return spoilt


def _documents(asked: Asked, answer: Answer | None, kind: str, id: str) -> list[dict]:
    """Return what a read shows of a document, to be changed."""
    if answer is None or 'body' not in answer:
        return []
    if asked['name'] == f'list_{kind}':
        return [answer['body'][id]] if id in answer['body'] else []
    singular = kind.rstrip('s')
    if asked['name'] == f'get_{singular}' and asked[singular] == id:
        return [answer['body']]
    return []


def _without_a_writer(
    history: History,
    chosen: random.Random,
    is_seen: collections.abc.Callable[[str], bool],
) -> Spoilt | None:
    """Leave out one of the calls that have written a text which was seen."""
    writers = []
    for operation in history:
        text = operation.asked.get('description')
        if text and operation.asked['name'] not in model.READS and is_seen(text):
            writers.append(operation)
    if not writers:
        return None
    left_out = chosen.choice(writers)
    return [operation for operation in history if operation is not left_out]


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
#: Those that have to be noticed by what was acknowledged alone.
OF_WRITES: dict[str, Spoiling] = {
    'lose_write': lose_write,
    'come_back': come_back,
    'halve': halve,
    'double': double,
}
