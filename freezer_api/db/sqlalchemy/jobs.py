"""What is done to jobs and actions. Each function is the work of one
transaction; for locks see :mod:`.sessions`.

What a job takes up, actions and a trust, is written by it where that is how
others notice (:func:`rows.use`): who changes or deletes it writes it too. What
the job has already need not be: who changes that writes the job as well.
"""

import collections.abc

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db import refusals
from freezer_api.db.base import (
    ACTIONS_AT_ONCE,
    ActionChange,
    Check,
    Follow,
    JobChange,
    Linked,
    TrustGone,
)
from freezer_api.db.sqlalchemy import (
    errors,
    functions,
    models,
    rows,
    session_rows,
    sessions,
    terms,
)
from freezer_api.domain import documents, links, search
from freezer_api.domain.documents import Body, Document

_OF_TERM = models.pairs.join(
    models.jobs, models.jobs.c.seq == models.pairs.c.seq
)
_HAS_TERM = (
    models.pairs.c.term == bindparam('term'),
    models.jobs.c.project == bindparam('project'),
)
_SIZE = functions.Octets(models.jobs.c.body).label('size')
_WITH_TERM = (
    sqlalchemy.select(models.jobs.c.id, _SIZE)
    .select_from(_OF_TERM)
    .where(*_HAS_TERM)
)
_ANY_WITH_TERM = (
    sqlalchemy.select(models.jobs.c.id)
    .select_from(_OF_TERM)
    .where(*_HAS_TERM)
    .limit(1)
)


def write(
    connection: sqlalchemy.Connection,
    clock: sessions.Clock,
    project: str,
    id: str,
    change: JobChange,
    action_ids: collections.abc.Collection[str],
    hold: str,
    most: int,
) -> Document:
    """See :meth:`Storage.write_job`; ``most`` bytes may a document have.

    Most changes are agents' reports, which concern the job alone. Where
    another client shows that the session is concerned, ``HoldSession`` asks to
    be called again with it as ``hold`` ('': none).
    """
    stored = (
        session_rows.lock(connection, project, (hold,)).get(hold)
        if hold
        else None
    )
    if len(action_ids) > ACTIONS_AT_ONCE:
        size = rows.octets(connection, documents.ACTIONS, project, action_ids)
        if size > ACTIONS_AT_ONCE * most:
            raise refusals.actions_too_large(ACTIONS_AT_ONCE * most)
    actions = rows.lock_all(
        connection,
        documents.ACTIONS,
        project,
        frozenset(action_ids),
        share=True,
    )
    row = rows.lock(connection, documents.JOBS, project, id)
    now = clock()
    wanted = change(
        row.document if row else None,
        {action: held.document for action, held in actions.items()},
        now,
    )
    moved_in = (
        row.document.body['session_id']
        if row and wanted.body['client_id'] != row.document.body['client_id']
        else ''
    )
    if moved_in and moved_in != hold:
        raise errors.HoldSession(moved_in)
    _hold_trusts(
        connection, project, [(row.document.body if row else {}, wanted.body)]
    )
    if rows.shared_by_writing(connection):
        had = links.action_ids(row.document.body) if row else frozenset()
        taken = (links.action_ids(wanted.body) - had) & actions.keys()
        rows.use(connection, documents.ACTIONS, project, taken)
    for action, body in wanted.actions.items():
        rows.create(connection, documents.ACTIONS, project, action, body, now)
    if row is None:
        return rows.create(
            connection, documents.JOBS, project, id, wanted.body, now
        )
    if moved_in and stored:
        sessions.move(connection, stored, id, wanted.body['client_id'], now)
    return rows.update(connection, row, wanted.body)


def delete(
    connection: sqlalchemy.Connection,
    clock: sessions.Clock,
    project: str,
    id: str,
    check: Check,
    hold: str,
) -> bool:
    """See :meth:`Storage.delete_job`; ``hold`` is the session that the job was
    seen in ('': none).
    """
    stored = (
        session_rows.lock(connection, project, (hold,)).get(hold)
        if hold
        else None
    )
    row = rows.lock(connection, documents.JOBS, project, id)
    check(row.document if row else None)
    if row is None:
        return False
    in_session = row.document.body['session_id']
    if in_session and in_session != hold:
        raise errors.HoldSession(in_session)
    if in_session and stored:
        sessions.leave(connection, stored, id, clock())
    rows.delete(connection, row)
    return True


def end_trust(
    connection: sqlalchemy.Connection, project: str, id: str
) -> bool:
    """See :meth:`Storage.end_trust`. While the trust is held, no job can get
    it; those that have it are asked for then.
    """
    trust = rows.lock(connection, documents.TRUSTS, project, id)
    (term,) = terms.look_up(project, documents.JOBS, [search.trust_pair(id)])
    if (
        trust is None
        or connection.execute(
            _ANY_WITH_TERM, {'term': term, 'project': project}
        ).first()
    ):
        return False
    rows.delete(connection, trust)
    return True


def write_action(
    connection: sqlalchemy.Connection,
    clock: sessions.Clock,
    project: str,
    id: str,
    change: ActionChange,
    follow: Follow | None,
    most: int,
) -> Document | None:
    """See :meth:`Storage.write_action`; ``most`` bytes of jobs can change with
    it.

    While the action is held, no job can take it up.
    """
    row = rows.lock(connection, documents.ACTIONS, project, id)
    jobs = _jobs_with(connection, project, id, most) if row else []
    linked = _linked(connection, project, jobs)
    now = clock()
    body = change(row.document if row else None, linked, now)
    if row is None:
        return (
            None
            if body is None
            else rows.create(
                connection, documents.ACTIONS, project, id, body, now
            )
        )
    follow = follow or (
        lambda link, action: links.relinked(link.job.body, id, action)
    )
    followed = [follow(link, body) for link in linked]
    _hold_trusts(
        connection,
        project,
        [
            (job.document.body, new)
            for job, new in zip(jobs, followed, strict=True)
        ],
    )
    for job, new in zip(jobs, followed, strict=True):
        rows.update(connection, job, new)
    if body is None:
        rows.delete(connection, row)
        return None
    return rows.update(connection, row, body)


def _hold_trusts(
    connection: sqlalchemy.Connection,
    project: str,
    changes: list[tuple[Body, Body]],
) -> None:
    """Keep the trusts that jobs are given from going, told what jobs are and
    become.

    Those that they have can't go.
    """
    given = {
        trust
        for old, new in changes
        if (trust := documents.trust(new)) and trust != documents.trust(old)
    }
    if not given:
        return
    if rows.shared_by_writing(connection):
        there = rows.use(connection, documents.TRUSTS, project, given)
    else:
        there = len(
            rows.lock_all(
                connection, documents.TRUSTS, project, given, share=True
            )
        )
    if there < len(given):
        raise TrustGone('user_credentials: the trust has ended.')


def _jobs_with(
    connection: sqlalchemy.Connection, project: str, action_id: str, most: int
) -> list[rows.Row]:
    """The jobs that have an action, held; ``Conflict`` if they are more than
    ``most`` bytes.
    """
    (term,) = terms.look_up(
        project, documents.JOBS, [('action_id', search.canonical(action_id))]
    )
    found = connection.execute(_WITH_TERM, {'term': term, 'project': project})
    sizes = {row.id: int(row.size) for row in found}
    if sum(sizes.values()) > most:
        raise refusals.shared_too_much(action_id, most)
    held = rows.lock_all(connection, documents.JOBS, project, sizes)
    return [
        row
        for row in held.values()
        if action_id in links.action_ids(row.document.body)
    ]


def _linked(
    connection: sqlalchemy.Connection, project: str, jobs: list[rows.Row]
) -> list[Linked]:
    ids = {row.document.body['client_id'] for row in jobs}
    clients = rows.visible(connection, documents.CLIENTS, project, ids)
    return [
        Linked(row.document, clients.get(row.document.body['client_id']))
        for row in jobs
    ]
