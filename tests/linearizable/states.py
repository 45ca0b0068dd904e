"""What the model knows of one project: sessions with their runs, and jobs.

Everything is a value that can't change, so that the judge can come back to it.
"""

import collections.abc
import typing

#: A member's part in a run: status, result.
Part = tuple[str, str]
SCHEDULED: Part = ('scheduled', '')
RUNNING: Part = ('running', '')
#: ``hold_off`` of runs whose window is over at once, after a second, and never (in 68 years).
NO_WINDOW = 0
SHORT_WINDOW = 1
ENDLESS_WINDOW = 2**31 - 1


class Seen(typing.NamedTuple):
    """What is known of a document's version: at least ``version``, or exactly that once a caller
    was shown it; then also the ETag, if it was told.
    """

    version: int = 1
    exact: bool = False
    etag: str | None = None

    def grown(self) -> 'Seen':
        """After a change that nobody was told the version of.

        It is another one than was shown last; but several changes that are stored together, with
        nobody to see what is between them, may be one version.
        """
        return Seen(self.version + 1) if self.exact else Seen(self.version)

    def shown(self, version: int, etag: str | None) -> 'Seen | None':
        """After a caller was told the version, and perhaps the ETag; None if that can't be."""
        if version < self.version or (self.exact and version != self.version):
            return None
        if etag is not None and self.etag is not None and etag != self.etag:
            return None
        return Seen(version, True, etag or self.etag)


class Run(typing.NamedTuple):
    """A run: ``parts`` are of those that it counts, by the ids of their jobs.

    ``begun_by`` is the id of the call that began it; so the end of its window finds it.
    """

    tag: int
    hold_off: int
    status: str
    result: str
    parts: tuple[tuple[str, Part], ...]
    begun_by: str = ''
    is_open: bool = True

    def part(self, job_id: str) -> Part | None:
        """What a member has done in it; None if it isn't counted."""
        return dict(self.parts).get(job_id)

    def with_part(self, job_id: str, part: Part | None) -> 'Run':
        """The same with another part of a member, or (None) without the member."""
        parts = dict(self.parts)
        parts.pop(job_id, None)
        if part is not None:
            parts[job_id] = part
        return self._replace(parts=tuple(sorted(parts.items())))


class Session(typing.NamedTuple):
    """A session; ``members`` are the ids of its jobs, ``records`` its earlier runs, the newest
    first. ``schedule`` is the interval, '' if there is none.
    """

    description: str
    hold_off: int
    schedule: str
    tag: int
    members: tuple[str, ...] = ()
    run: Run | None = None
    records: tuple[Run, ...] = ()
    seen: Seen = Seen()


class Job(typing.NamedTuple):
    """A job, with the keys of its schedule that agents and people set."""

    description: str
    session_id: str = ''
    tag: int = 0
    schedule: str = ''
    event: str = ''
    status: str = ''
    result: str = ''
    seen: Seen = Seen()


class State(typing.NamedTuple):
    """All of a project, in the order of ids."""

    sessions: tuple[tuple[str, Session], ...] = ()
    jobs: tuple[tuple[str, Job], ...] = ()


class Project:
    """A state that is being changed, by one operation."""

    def __init__(self, state: State):
        self._before = (dict(state.sessions), dict(state.jobs))
        self.sessions = dict(state.sessions)
        self.jobs = dict(state.jobs)

    def count_versions(self) -> None:
        """Let the versions of the documents grow that the operation has changed."""
        sessions, jobs = self._before
        for id, session in self.sessions.items():
            seen = _seen_now(sessions.get(id), session, _shown)
            self.sessions[id] = session._replace(seen=seen)
        for id, job in self.jobs.items():
            seen = _seen_now(jobs.get(id), job, lambda shown: shown)
            self.jobs[id] = job._replace(seen=seen)

    def state(self) -> State:
        """What it has become."""
        return State(tuple(sorted(self.sessions.items())), tuple(sorted(self.jobs.items())))


_Document = typing.TypeVar('_Document', Session, Job)


def _seen_now(
    before: _Document | None,
    now: _Document,
    shown: collections.abc.Callable[[_Document], _Document],
) -> Seen:
    if before is None:
        return Seen()
    return before.seen if shown(before) == shown(now) else before.seen.grown()


def _shown(session: Session) -> Session:
    """Without what a document doesn't show."""
    run = session.run and session.run._replace(tag=0, hold_off=0, begun_by='', is_open=True)
    return session._replace(records=(), seen=Seen(), run=run)
