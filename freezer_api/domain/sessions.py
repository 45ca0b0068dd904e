"""What callers set and change of a session. Its state is in
:mod:`.session_state`, what starts and ends do to it in :mod:`.runs`.
"""

import dataclasses

from freezer_api import exceptions
from freezer_api.domain.documents import Body
from freezer_api.domain.session_state import (
    RUNNING,
    SETTABLE,
    Session,
)

#: Top-level keys of a request that belong to the schedule, and their keys
#: there. The last one is a misspelling in the published reference.
ALIASES = {
    'event': 'event',
    'schedule_interval': 'schedule_interval',
    'schedule_internval': 'schedule_interval',
}
EVENT = 'event'


def schedule_of(body: Body) -> Body | None:
    """Return the schedule in a request's body, with the top-level aliases
    merged into it; None if there is none.

    A null stands for a key that is absent.
    """
    merged: Body = dict(body.get('schedule') or {})
    has_schedule = body.get('schedule') is not None
    for alias, key in ALIASES.items():
        if body.get(alias) is not None:
            merged[key] = body[alias]
            has_schedule = True
    if not has_schedule:
        return None
    return {key: value for key, value in merged.items() if value is not None}


def create(
    project_id: str, session_id: str, user_id: str, body: Body, now: int
) -> Session:
    """Return a new session from a validated body; ``InvalidInput`` without a
    schedule.
    """
    schedule = schedule_of(body)
    if schedule is None:
        raise exceptions.InvalidInput('schedule: is required.')
    return Session(
        project_id,
        session_id,
        user_id,
        tag=body.get('session_tag') or 0,
        schedule=schedule,
        created=now,
        **_settings(body),
    )


def _settings(body: Body) -> Body:
    """Return the fields of :data:`.SETTABLE` that a body has; null is as if
    the key was absent.
    """
    return {key: body[key] for key in SETTABLE if body.get(key) is not None}


def replace(session: Session, body: Body) -> Session:
    """Return the session with all that callers set taken from a validated
    body; members, run and tag stay.
    """
    new = create(
        session.project_id,
        session.session_id,
        session.user_id,
        body,
        session.created,
    )
    return dataclasses.replace(
        session, schedule=new.schedule, **new.settings()
    )


def patch(session: Session, body: Body) -> Session:
    """Return the session with the keys of a validated body changed; nulls and
    absent keys leave it as it is.

    A schedule replaces the stored one; the alias of an interval alone is
    merged into it. A lower or equal tag is ignored; a higher one is a
    ``Conflict`` while a run is in progress. An event is for the members' jobs,
    and isn't kept.
    """
    changes = _settings(body)
    schedule = _patched_schedule(session, body)
    if schedule is not None:
        changes['schedule'] = schedule
    tag = body.get('session_tag') or 0
    if tag > session.tag:
        if session.run is not None and session.run.status == RUNNING:
            raise exceptions.Conflict(
                'session_tag: must not be raised while a run is in progress.',
                'session.run-in-progress',
            )
        changes['tag'] = tag
    return dataclasses.replace(session, **changes)


def _patched_schedule(session: Session, body: Body) -> Body | None:
    """Return the schedule after a PATCH; None if it stays."""
    bare = dict(body)
    bare.pop(EVENT, None)
    schedule = schedule_of(bare)
    if schedule is not None and body.get('schedule') is None:
        return {**session.schedule, **schedule}
    return schedule
