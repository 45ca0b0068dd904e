"""A session: its state, how it is shown, and what callers may change of it.
Its runs are in :mod:`.runs`.

Everything here is pure and immutable: no clock, no I/O. Moments are
microseconds since the epoch, what documents show are seconds; -1 stands for
"not yet".
"""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.domain import documents
from freezer_api.domain.documents import Body

ACTIVE = 'active'
SCHEDULED, RUNNING, COMPLETED = 'scheduled', 'running', 'completed'
SUCCESS, FAIL, ABORTED = RESULTS = ('success', 'fail', 'aborted')
DEFAULT_HOLD_OFF = 30
MAX_TAG = 2**31 - 1
#: Spellings of top-level keys that belong to the schedule; the ordered
#: reference has all three.
ALIASES = {
    'event': 'event',
    'schedule_interval': 'schedule_interval',
    'schedule_internval': 'schedule_interval',
}
EVENT = 'event'
#: A pure change of one member's job, given the job's body.
Follow = collections.abc.Callable[[Body], Body]


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """What one job has done in the session's current run; ``counted`` tells
    whether that run counts it.
    """

    client_id: str
    status: str = SCHEDULED
    result: str = ''
    time_started: int = -1
    time_ended: int = -1
    counted: bool = False

    def shown(self) -> Body:
        """The entry of ``jobs`` in the session's document and in its runs."""
        return {
            'client_id': self.client_id,
            'status': self.status,
            'result': self.result,
            'time_started': self.time_started,
            'time_ended': self.time_ended,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """The latest run of a session; ``started`` and ``ended`` are moments,
    ``hold_off`` the window it began with.
    """

    tag: int
    hold_off: int
    started: int
    status: str = RUNNING
    result: str = ''
    ended: int = -1

    @property
    def window_end(self) -> int:
        """The last moment at which a member may still join."""
        return self.started + self.hold_off * documents.SECOND


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A run as ``/runs`` shows it; times in seconds, ``jobs`` the entries of
    the members it counts.
    """

    tag: int
    status: str
    result: str
    time_start: int
    time_end: int
    jobs: collections.abc.Mapping[str, Body]

    def shown(self, session_id: str) -> Body:
        """The entry of ``runs``."""
        return {
            'session_id': session_id,
            'session_tag': self.tag,
            'status': self.status,
            'result': self.result,
            'time_start': self.time_start,
            'time_end': self.time_end,
            'jobs': dict(self.jobs),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Session:
    """A session with its members and its current run (None: it never started).

    ``restore`` says which run the session restores or verifies; None if it is
    no such session. ``succeeded`` is the tag of the newest earlier run that
    ended in success, which is kept the longest; -1 if none is known.
    """

    project_id: str
    session_id: str
    user_id: str
    description: str = ''
    tag: int = 0
    hold_off: int = DEFAULT_HOLD_OFF
    schedule: collections.abc.Mapping[str, typing.Any] = dataclasses.field(
        default_factory=dict
    )
    run: Run | None = None
    members: collections.abc.Mapping[str, Member] = dataclasses.field(
        default_factory=dict
    )
    version: int = 1
    created: int = 0
    restore: collections.abc.Mapping[str, typing.Any] | None = None
    succeeded: int = -1

    @property
    def etag(self) -> str:
        """See :attr:`freezer_api.domain.documents.Document.etag`."""
        return documents.make_etag(self.version, self.created)

    @property
    def settle_at(self) -> int | None:
        """The moment after which the current run is over by the mere passing
        of time; None if it awaits more.
        """
        run = self.run
        if (
            run is None
            or run.status != RUNNING
            or any(
                m.counted and m.status == RUNNING
                for m in self.members.values()
            )
        ):
            return None
        return run.window_end

    def body(self) -> Body:
        """The document as shown, without ``_version``."""
        run, members = self.run, self.members
        start = run.started // documents.SECOND if run else -1
        end = run.ended // documents.SECOND if run and run.ended >= 0 else -1
        shown = {
            'session_id': self.session_id,
            'project_id': self.project_id,
            'user_id': self.user_id,
            'description': self.description,
            'session_tag': self.tag,
            'hold_off': self.hold_off,
            'schedule': dict(self.schedule),
            'status': run.status if run else ACTIVE,
            'result': run.result if run else '',
            'time_start': start,
            'time_end': end,
            'time_started': start,
            'time_ended': end,
            # In one order, for an entity tag stands for the very bytes that
            # are shown.
            'jobs': (
                {job_id: members[job_id].shown() for job_id in sorted(members)}
                if members
                else {}
            ),
        }
        if self.restore is not None:
            shown['restore'] = dict(self.restore)
        return shown

    def document(self) -> documents.Document:
        """The session as a document like those of the other kinds."""
        return documents.Document(
            documents.SESSIONS,
            self.project_id,
            self.session_id,
            self.version,
            self.created,
            self.body(),
        )

    def dump(self) -> Body:
        """What a driver stores of a session beside its identity, version,
        creation and members.
        """
        stored = {
            'user_id': self.user_id,
            'description': self.description,
            'tag': self.tag,
            'hold_off': self.hold_off,
            'schedule': dict(self.schedule),
            'run': dataclasses.asdict(self.run) if self.run else None,
            'succeeded': self.succeeded,
        }
        if self.restore is not None:
            stored['restore'] = dict(self.restore)
        return stored

    @classmethod
    def load(
        cls,
        project_id: str,
        session_id: str,
        stored: Body,
        members: collections.abc.Mapping[str, Member],
        version: int,
        created: int,
    ) -> 'Session':
        """The session that :meth:`dump` came from."""
        run = stored['run']
        return cls(
            project_id=project_id,
            session_id=session_id,
            user_id=stored['user_id'],
            description=stored['description'],
            tag=stored['tag'],
            hold_off=stored['hold_off'],
            schedule=stored['schedule'],
            run=Run(**run) if run else None,
            members=members,
            version=version,
            created=created,
            restore=stored.get('restore'),
            succeeded=stored.get('succeeded', -1),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision makes of a session, as one step.

    ``session``: the state to store, None to delete it. ``answer``: what the
    caller is told. ``records``: records of earlier runs to store, each in
    place of the one of the same tag. ``follow`` is applied to the job of each
    id in ``followers``.
    """

    session: Session | None
    answer: typing.Any = None
    records: tuple[Record, ...] = ()
    follow: Follow | None = None
    followers: frozenset[str] = frozenset()


#: What a driver is given to decide about a session: the stored state (None:
#: there is none; lapsed runs are settled before), the moment, and the record
#: of the earlier run that was asked for (None: none). It may be called again
#: on a newer state, so it depends on its arguments alone.
Decision = collections.abc.Callable[
    [Session | None, int, Record | None], Outcome
]


def schedule_of(body: Body) -> Body | None:
    """The schedule that a request's body carries, the top-level aliases merged
    in; None if it carries none.

    A null stands for a key that is absent.
    """
    given = {
        key: body[alias]
        for alias, key in ALIASES.items()
        if body.get(alias) is not None
    }
    if body.get('schedule') is None and not given:
        return None
    return {
        key: value
        for key, value in {**(body.get('schedule') or {}), **given}.items()
        if value is not None
    }


def create(
    project_id: str, session_id: str, user_id: str, body: Body, now: int
) -> Session:
    """A new session from a validated body; without any schedule it is
    refused.
    """
    schedule = schedule_of(body)
    if schedule is None:
        raise exceptions.InvalidInput('schedule: is required.')
    return Session(
        project_id,
        session_id,
        user_id,
        description=body.get('description') or '',
        tag=body.get('session_tag') or 0,
        hold_off=_or(body.get('hold_off'), DEFAULT_HOLD_OFF),
        schedule=schedule,
        created=now,
    )


def replace(session: Session, body: Body) -> Session:
    """The session with what a caller sets taken from a validated body;
    members, run and tag stay.
    """
    new = create(
        session.project_id,
        session.session_id,
        session.user_id,
        body,
        session.created,
    )
    return dataclasses.replace(
        session,
        description=new.description,
        hold_off=new.hold_off,
        schedule=new.schedule,
    )


def patch(session: Session, body: Body) -> Session:
    """The session with the keys of a validated body changed; nulls and absent
    keys leave it as it is.

    A schedule is replaced as a whole; an interval alone merges into the stored
    one. A higher tag is taken unless a run is going on, an equal or lower one
    is ignored. An event is for the members' jobs, and not kept.
    """
    schedule = schedule_of(
        {key: value for key, value in body.items() if key != EVENT}
    )
    if schedule is not None and body.get('schedule') is None:
        schedule = {**session.schedule, **schedule}
    tag = body.get('session_tag') or 0
    if tag > session.tag and session.run and session.run.status == RUNNING:
        raise exceptions.Conflict(
            'session_tag: it can not be raised while a run is going on.',
            'session.run-in-progress',
        )
    return dataclasses.replace(
        session,
        description=_or(body.get('description'), session.description),
        tag=max(tag, session.tag),
        hold_off=_or(body.get('hold_off'), session.hold_off),
        schedule=session.schedule if schedule is None else schedule,
    )


def found_alike(old: Session, new: Session) -> bool:
    """Whether two states of a session are surely found by the same searches:
    only the members' progress differs, in known words.

    Of the keys of a member's entry, all but the client's stand at the top of
    the document as well, where they count; so a driver may leave its index
    alone. This is what most starts and ends come to.
    """
    return (
        _same(old, new, _ASIDE)
        and old.members.keys() == new.members.keys()
        and all(
            _same(old.members[job_id], member, _PROGRESS)
            for job_id, member in new.members.items()
        )
        and _words(old) == _words(new)
    )


#: Fields of a session that aren't searched, or by other ones; fields of a
#: member that may differ.
_ASIDE = frozenset(('members', 'version', 'created', 'succeeded'))
_PROGRESS = frozenset(
    ('status', 'result', 'time_started', 'time_ended', 'counted')
)


def _same(
    old: Session | Member, new: Session | Member, but_for: frozenset[str]
) -> bool:
    """Whether all fields are equal, those too that are added one day. Python
    would take True for 1 in a mapping, which has to be the very same.
    """
    pairs = (
        (getattr(old, field.name), getattr(new, field.name))
        for field in dataclasses.fields(old)
        if field.name not in but_for
    )
    return all(
        a is b or a == b and not isinstance(a, collections.abc.Mapping)
        for a, b in pairs
    )


def _words(session: Session) -> set[str]:
    return {
        word
        for member in session.members.values()
        for word in (member.status, member.result)
    }


def _or(value: typing.Any, default: typing.Any) -> typing.Any:
    return default if value is None else value
