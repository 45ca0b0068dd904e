"""What is done to documents other than sessions. Each function is a step of a
unit of work, see :mod:`.units`.
"""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db import base, refusals
from freezer_api.db.base import Linked, TrustGone
from freezer_api.db.elasticsearch import codec, sessions
from freezer_api.db.elasticsearch.codec import Value
from freezer_api.db.elasticsearch.sessions import Clock
from freezer_api.db.elasticsearch.units import Elsewhere, Unit
from freezer_api.domain import documents, links
from freezer_api.domain.documents import (
    ACTIONS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Body,
    Document,
)

#: Tells the clients of a project by their ids, central ones among them.
Clients = collections.abc.Callable[[str, frozenset[str]], dict[str, Document]]
#: Tells the ids of the documents of a project that have a pair, as they are
#: since the call.
Having = collections.abc.Callable[[str, str, tuple[str, str]], list[str]]


def write(
    unit: Unit,
    clock: Clock,
    kind: str,
    project: str,
    id: str,
    change: base.Change,
) -> Document | None:
    """See :meth:`Storage.write`."""
    stored = unit.get(codec.key(kind, project, id))
    now = clock()
    body = change(codec.document(stored) if stored else None, now)
    return store_body(unit, kind, project, id, stored, body, now)


def write_job(
    unit: Unit,
    clock: Clock,
    project: str,
    id: str,
    change: base.JobChange,
    action_ids: collections.abc.Collection[str],
    most: int,
) -> Document:
    """See :meth:`Storage.write_job`; ``most`` bytes may a document have.

    Where the session is concerned, it has to be the primary document.
    """
    keys = {
        action: codec.key(ACTIONS, project, action) for action in action_ids
    }
    together = base.ACTIONS_AT_ONCE * most
    if len(keys) > base.ACTIONS_AT_ONCE and not unit.load_within(
        keys.values(), together
    ):
        raise refusals.actions_too_large(together)
    unit.load((codec.key(JOBS, project, id), *keys.values()))
    stored = unit.get(codec.key(JOBS, project, id))
    actions = {
        action: codec.document(value)
        for action, key in keys.items()
        if (value := unit.get(key))
    }
    now = clock()
    wanted = change(codec.document(stored) if stored else None, actions, now)
    old: Body = stored.state['body'] if stored else {}
    moved_in = (
        old['session_id']
        if stored and wanted.body['client_id'] != old['client_id']
        else ''
    )
    if moved_in:
        _primary_is(unit, codec.key(SESSIONS, project, moved_in))
    unit.guard(keys.values())
    _guard_trust(unit, project, old, wanted.body)
    for action, body in wanted.actions.items():
        if unit.get(codec.key(ACTIONS, project, action)) is not None:
            raise exceptions.Conflict(
                f'action_id: there is an action {action} already.',
                'action.exists',
            )
        unit.put(codec.made(ACTIONS, project, action, body, now))
    if moved_in:
        sessions.move(
            unit, project, moved_in, id, wanted.body['client_id'], now
        )
    return typing.cast(
        Document, store_body(unit, JOBS, project, id, stored, wanted.body, now)
    )


def delete_job(
    unit: Unit, clock: Clock, project: str, id: str, check: base.Check
) -> bool:
    """See :meth:`Storage.delete_job`. The session that it is in has to be the
    primary document.
    """
    stored = unit.get(codec.key(JOBS, project, id))
    in_session = stored.state['body']['session_id'] if stored else ''
    _primary_is(
        unit,
        (
            codec.key(SESSIONS, project, in_session)
            if in_session
            else codec.key(JOBS, project, id)
        ),
    )
    check(codec.document(stored) if stored else None)
    if stored is None:
        return False
    now = clock()
    if in_session:
        sessions.leave(unit, project, in_session, id, now)
    store_body(unit, JOBS, project, id, stored, None, now)
    return True


def end_trust(
    unit: Unit, having: Having, project: str, id: str, pair: tuple[str, str]
) -> bool:
    """See :meth:`Storage.end_trust`. A job that takes it, after it was read
    here, moves it.
    """
    key = codec.key(TRUSTS, project, id)
    if unit.get(key) is None or having(JOBS, project, pair):
        return False
    unit.drop(key)
    return True


def write_action(
    unit: Unit,
    clock: Clock,
    having: Having,
    seen: Clients,
    project: str,
    id: str,
    change: base.ActionChange,
    follow: base.Follow | None,
    pair: tuple[str, str],
    most: int,
) -> Document | None:
    """See :meth:`Storage.write_action`; ``most`` bytes of jobs can change with
    it.

    A job that takes it, after it was read here, moves it.
    """
    stored = unit.get(codec.key(ACTIONS, project, id))
    keys = (
        [codec.key(JOBS, project, job) for job in having(JOBS, project, pair)]
        if stored
        else []
    )
    if not unit.load_within(keys, most):
        raise refusals.shared_too_much(id, most)
    jobs = [
        value
        for key in keys
        if (value := unit.get(key))
        and id in links.action_ids(value.state['body'])
    ]
    clients = (
        seen(
            project, frozenset(job.state['body']['client_id'] for job in jobs)
        )
        if jobs
        else {}
    )
    now = clock()
    linked = [
        Linked(
            codec.document(job), clients.get(job.state['body']['client_id'])
        )
        for job in jobs
    ]
    body = change(codec.document(stored) if stored else None, linked, now)
    follow = follow or (
        lambda link, action: links.relinked(link.job.body, id, action)
    )
    for job, link in zip(jobs, linked, strict=True):
        followed = follow(link, body)
        _guard_trust(unit, project, job.state['body'], followed)
        unit.put(codec.changed(job, followed))
    return store_body(unit, ACTIONS, project, id, stored, body, now)


def store_body(
    unit: Unit,
    kind: str,
    project: str,
    id: str,
    stored: Value | None,
    body: Body | None,
    now: int,
) -> Document | None:
    """Store the body of a document, or delete it, with the claim that it
    has.
    """
    old = documents.claim(kind, id, stored.state['body']) if stored else None
    new = documents.claim(kind, id, body) if body is not None else None
    if old != new:
        _claim(unit, kind, project, id, new)
    if body is None:
        if stored is not None:
            unit.drop(stored.key)
        return None
    value = (
        codec.changed(stored, body)
        if stored
        else codec.made(kind, project, id, body, now)
    )
    unit.put(value)
    return codec.document(value)


def _claim(
    unit: Unit, kind: str, project: str, id: str, wanted: str | None
) -> None:
    """Take the claim on an id, or give it up; ``Conflict`` if another document
    has it.
    """
    key = codec.claim_key(kind, id)
    if wanted is None:
        unit.drop(key)
        return
    holder = unit.get(key)
    if holder is not None and holder.project != project:
        resource = kind.removesuffix('s')
        raise exceptions.Conflict(
            f'{resource} {id}: the id is held by another project.',
            f'{resource}.id-taken',
        )
    unit.put(codec.claim_value(kind, project, id))


def _guard_trust(unit: Unit, project: str, old: Body, new: Body) -> None:
    """Keep the trust that a job is given from going. The one that it has can't
    go.
    """
    given = documents.trust(new)
    if given is None or given == documents.trust(old):
        return
    key = codec.key(TRUSTS, project, given)
    if unit.get(key) is None:
        raise TrustGone('user_credentials: the trust has ended.')
    unit.guard((key,))


def _primary_is(unit: Unit, key: codec.Key) -> None:
    if unit.primary != key:
        raise Elsewhere(key)
