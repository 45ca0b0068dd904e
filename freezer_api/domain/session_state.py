"""The state of a session: its members, its current run, records of earlier
runs; how these are shown and stored; and what a decision makes of them.

Everything here is pure and immutable: no clock, no I/O. Timestamps are in
microseconds since the epoch, what documents show is in seconds; -1 stands for
"not yet".
"""

import collections.abc
import dataclasses
import typing

from freezer_api.domain import documents
from freezer_api.domain.documents import Body

#: The status of a session that has no run yet.
ACTIVE: typing.Final = 'active'
SCHEDULED: typing.Final = 'scheduled'
RUNNING: typing.Final = 'running'
COMPLETED: typing.Final = 'completed'
MemberStatus = typing.Literal['scheduled', 'running', 'completed']
RunStatus = typing.Literal['running', 'completed']

SUCCESS: typing.Final = 'success'
FAIL: typing.Final = 'fail'
ABORTED: typing.Final = 'aborted'
Result = typing.Literal['success', 'fail', 'aborted']
RESULTS: tuple[Result, ...] = (SUCCESS, FAIL, ABORTED)
#: The result of a run or a member that isn't over.
NO_RESULT: typing.Final = ''
ResultOrNone = typing.Literal['success', 'fail', 'aborted', '']

#: Seconds.
DEFAULT_HOLD_OFF = 30
MAX_TAG = 2**31 - 1


class MemberEntry(typing.TypedDict):
    """What ``jobs`` shows of a member; times in seconds."""

    client_id: str
    status: MemberStatus
    result: ResultOrNone
    time_started: int
    time_ended: int


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """What one job has done in the session's current run; times in seconds.

    ``counted`` says whether the run counts it: its result doesn't depend on
    members that joined the session later and haven't started.
    """

    client_id: str
    status: MemberStatus = SCHEDULED
    result: ResultOrNone = NO_RESULT
    time_started: int = -1
    time_ended: int = -1
    counted: bool = False

    def shown(self) -> MemberEntry:
        """Return the entry of ``jobs`` in the session's document and in its
        runs.
        """
        return {
            'client_id': self.client_id,
            'status': self.status,
            'result': self.result,
            'time_started': self.time_started,
            'time_ended': self.time_ended,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """The current run of a session, the latest one.

    ``started`` and ``ended`` are timestamps. ``hold_off`` is the session's
    when the run began, in seconds.
    """

    tag: int
    hold_off: int
    started: int
    status: RunStatus = RUNNING
    result: ResultOrNone = NO_RESULT
    ended: int = -1

    @property
    def window_end(self) -> int:
        """Return the last timestamp at which a member may join the run."""
        return self.started + self.hold_off * documents.SECOND

    def dump(self) -> Body:
        """Return what is stored of it."""
        return {name: getattr(self, name) for name in _RUN_FIELDS}


_RUN_FIELDS = tuple(field.name for field in dataclasses.fields(Run))


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A run as ``/runs`` shows it: times in seconds, and the entries of the
    members that it counts.
    """

    tag: int
    status: RunStatus
    result: ResultOrNone
    time_start: int
    time_end: int
    jobs: collections.abc.Mapping[str, MemberEntry]

    def shown(self, session_id: str) -> Body:
        """Return the entry of ``runs``."""
        return {
            'session_id': session_id,
            'session_tag': self.tag,
            'status': self.status,
            'result': self.result,
            'time_start': self.time_start,
            'time_end': self.time_end,
            'jobs': dict(self.jobs),
        }


def _settable(default: typing.Any) -> typing.Any:
    """Declare a field that callers set under its own name."""
    return dataclasses.field(default=default, metadata={'settable': True})


@dataclasses.dataclass(frozen=True, slots=True)
class Session:
    """A session with its members and its current run (None: it never started).

    ``restore`` says which run the session restores or verifies; None if it
    does neither. ``succeeded`` is the tag of the newest earlier run that ended
    in success, whose record is kept the longest; -1 if none is known.
    """

    project_id: str
    session_id: str
    user_id: str
    description: str = _settable('')
    tag: int = 0
    hold_off: int = _settable(DEFAULT_HOLD_OFF)
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
        """Return the tag of this version, as :attr:`.Document.etag`."""
        return documents.make_etag(self.version, self.created)

    @property
    def settle_at(self) -> int | None:
        """Return the timestamp after which the current run is over even if
        nothing more is reported; None if it isn't by time alone.
        """
        run = self.run
        if run is None or run.status != RUNNING:
            return None
        for member in self.members.values():
            if member.counted and member.status == RUNNING:
                return None
        return run.window_end

    def body(self) -> Body:
        """Return the document as shown, without ``_version``."""
        document = self._body_without_members()
        document['jobs'] = self._shown_members()
        return document

    def is_shown_like(self, other: 'Session') -> bool:
        """Tell whether the bodies of both are shown alike."""
        # Most members are the same objects: of those nothing is made.
        if not _are_shown_alike(self.members, other.members):
            return False
        return documents.is_same(
            self._body_without_members(), other._body_without_members()
        )

    def _body_without_members(self) -> Body:
        document = {
            'session_id': self.session_id,
            'project_id': self.project_id,
            'user_id': self.user_id,
            **self.settings(),
            'session_tag': self.tag,
            'schedule': dict(self.schedule),
            **_shown_run(self.run),
            'jobs': {},
        }
        if self.restore is not None:
            document['restore'] = dict(self.restore)
        return document

    def settings(self) -> Body:
        """Return the fields of :data:`SETTABLE`, as they are stored and
        shown.
        """
        settings = {}
        for name in SETTABLE:
            settings[name] = getattr(self, name)
        return settings

    def _shown_members(self) -> dict[str, MemberEntry]:
        """Return the entries of ``jobs``, ordered by id: an ETag stands for
        the very bytes that are shown, whatever order a driver reads members
        in.
        """
        members = self.members
        # To make and sort nothing costs as much as to show all the rest.
        if not members:
            return {}
        return {job_id: members[job_id].shown() for job_id in sorted(members)}

    def document(self) -> documents.Document:
        """Return the session as a document like those of the other kinds."""
        return documents.Document(
            documents.SESSIONS,
            self.project_id,
            self.session_id,
            self.version,
            self.created,
            self.body(),
        )

    def dump(self) -> Body:
        """Return what a driver stores of a session beside its identity,
        version, creation and members.
        """
        # Drivers have the rest in places of their own, where they search it.
        stored = {
            'user_id': self.user_id,
            **self.settings(),
            'tag': self.tag,
            'schedule': dict(self.schedule),
            'run': self.run.dump() if self.run else None,
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
        """Return the session that :meth:`dump` came from."""
        run = stored['run']
        settings = {}
        for name in SETTABLE:
            # Sessions that an earlier release stored may lack what is newer.
            if name in stored:
                settings[name] = stored[name]
        return cls(
            project_id,
            session_id,
            stored['user_id'],
            tag=stored['tag'],
            schedule=stored['schedule'],
            run=Run(**run) if run else None,
            members=members,
            version=version,
            created=created,
            restore=stored.get('restore'),
            succeeded=stored.get('succeeded', -1),
            **settings,
        )


#: The names of the fields that callers set under their own name: to add one,
#: declare it in :class:`Session`, in the schema of requests
#: (``freezer_api/schemas/sessions.py``) and in the API reference. ``schedule``
#: and ``tag`` aren't among them, for they have rules of their own.
SETTABLE = tuple(
    field.name
    for field in dataclasses.fields(Session)
    if 'settable' in field.metadata
)


def _are_shown_alike(
    some: collections.abc.Mapping[str, Member],
    others: collections.abc.Mapping[str, Member],
) -> bool:
    if some.keys() != others.keys():
        return False
    for job_id, member in some.items():
        other = others[job_id]
        if member is not other and member.shown() != other.shown():
            return False
    return True


def _shown_run(run: Run | None) -> Body:
    """Return what a session shows of its current run (None: it has had
    none).
    """
    status: str = ACTIVE
    result: str = NO_RESULT
    start = end = -1
    if run is not None:
        status, result = run.status, run.result
        start, end = _seconds(run.started), _seconds(run.ended)
    return {
        'status': status,
        'result': result,
        # Published callers read the one or the other spelling.
        'time_start': start,
        'time_end': end,
        'time_started': start,
        'time_ended': end,
    }


def _seconds(timestamp: int) -> int:
    """Return a timestamp in whole seconds; -1 stays -1."""
    return timestamp // documents.SECOND if timestamp >= 0 else -1


#: A pure change of one member's job, given the job's body.
Follow = collections.abc.Callable[[Body], Body]


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision makes of a session, as one step: :class:`Store`,
    :class:`Delete` or :class:`Keep`.

    ``session`` is the state afterwards, None if there is none. ``answer`` is
    what the caller is told. ``records`` are records of earlier runs to store,
    each in place of the one of the same tag. ``follow`` is applied to the job
    of each id in ``followers``.
    """

    session: Session | None
    answer: typing.Any = None
    records: tuple[Record, ...] = ()
    follow: Follow | None = None
    followers: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Store(Outcome):
    """Store a new state of the session."""

    session: Session


@dataclasses.dataclass(frozen=True, slots=True)
class Delete(Outcome):
    """Delete the session with its records, if it is there."""

    session: None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Keep(Outcome):
    """Leave the session as the decision was given it, None if it isn't
    there; a lapsed run that was settled before is stored.
    """


#: Decides about a session. It is given the stored state (None: there is none;
#: a lapsed run is settled before), the current timestamp, and the record of
#: the earlier run that was asked for (None: there is none). It may be called
#: again with a newer state, so it depends on its arguments alone.
Decision = collections.abc.Callable[
    [Session | None, int, Record | None], Outcome
]
