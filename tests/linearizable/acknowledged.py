"""A second question to a history: was an acknowledged write lost, done twice, or done by half?

Where nodes are cut off, reads may be of what was, and refusals go by what was read. So what a read,
a list or a refusal has answered while callers asked isn't looked at: neither has done anything.
What was acknowledged counts in full, whether it found something to do or not: who is told that a
member has ended, left or joined relies on it. And so does what is read once all callers have ended
and the store is whole again.

Whatever fits one order with all answers fits one without these.
"""

import dataclasses

import requests

from tests.linearizable import model, windows
from tests.linearizable.history import Answer, Asked, History, Operation
from tests.linearizable.judge import MAX_TRIED, Verdict, judge
from tests.linearizable.states import Project, State

#: A document's version and its ETag.
Shown = list


def judged(history: History, max_tried: int = MAX_TRIED) -> Verdict[State]:
    """Judge what was acknowledged in the history of one project, which begins empty."""
    return judge(writes(history), State(), step, model.is_free, max_tried)


def writes(history: History) -> list[Operation]:
    """Return what counts: writes that were acknowledged, those whose outcome nobody knows, and the
    reads at the end.
    """
    shown = _shown(history)
    counting = []
    for operation in history:
        if operation.answer is None or _is_acknowledged(operation):
            counting.append(_with_version(operation, shown))
        elif _is_out_of_sync(operation):
            counting.append(_telling_job(operation))
    return counting


def step(state: State, asked: Asked, answer: Answer | None) -> State | None:
    """Do as :func:`.model.step` does; a precondition holds if the document may have the version
    that belongs to its ETag, for the caller may have been told that by a read.
    """
    held, asked = _holding(state, asked)
    if held is None:
        # Without an answer it was refused.
        return state if answer is None else None
    return model.step(held, asked, answer)


def expected(state: State, asked: Asked) -> Answer:
    """Return what the answer should be, without versions."""
    held, asked = _holding(state, asked)
    return model.STALE if held is None else model.expected(held, asked)


def _is_acknowledged(operation: Operation) -> bool:
    """Whether the caller was told that it is done; or what there is, when all is over."""
    answer, name = operation.answer, operation.asked['name']
    if name in model.READS:
        return operation.caller == windows.READER
    if operation.caller == windows.NOBODY:
        return True
    if answer is None or answer['status'] >= requests.codes.bad_request:
        return False
    # Who is told not to begin is refused, too.
    return name != 'start' or answer['body']['result'] == 'success'


def _is_out_of_sync(operation: Operation) -> bool:
    if operation.asked['name'] != 'start' or operation.answer is None:
        return False
    return operation.answer.get('body', {}).get('result') == 'out-of-sync'


def _telling_job(operation: Operation) -> Operation:
    """Return what a refusal may have done all the same: tell the job the tag, so that it follows
    the next run. Nothing is written if the job seemed to have it.
    """
    assert operation.answer is not None
    asked = {
        'name': 'tell_tag',
        'session': operation.asked['session'],
        'job': operation.asked['job'],
        'tag': operation.answer['body']['session_tag'],
    }
    return dataclasses.replace(operation, ended=float('inf'), asked=asked, answer=None)


def _shown(history: History) -> dict[str, Shown]:
    """Return what belongs to each ETag that anybody was told."""
    shown = {}
    for operation in history:
        versions = (operation.answer or {}).get('versions', {})
        for version, etag in versions.values():
            if etag is not None:
                shown[etag] = [version, etag]
    return shown


def _with_version(operation: Operation, shown: dict[str, Shown]) -> Operation:
    etag = operation.asked.get('if_match')
    if etag is None:
        return operation
    asked = {key: value for key, value in operation.asked.items() if key != 'if_match'}
    return dataclasses.replace(operation, asked=asked | {'if_version': shown[etag]})


def _holding(state: State, asked: Asked) -> tuple[State | None, Asked]:
    """Return what is known once a precondition is known to hold, and the call without it; None if
    it can't hold.
    """
    if 'if_version' not in asked:
        return state, asked
    asked = dict(asked)
    version, etag = asked.pop('if_version')
    project = Project(state)
    kind = 'session' if 'session' in asked else 'job'
    documents: dict = {'session': project.sessions, 'job': project.jobs}[kind]
    name = f'{kind}s/{asked[kind]}'
    if asked[kind] not in documents or not model.show(project, name, version, etag):
        return None, asked
    return project.state(), asked
