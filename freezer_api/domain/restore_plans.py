"""What a request wants of a restore, what is known of the run, and the plan
that is made of both in :mod:`.restores`.
"""

import collections.abc
import dataclasses
import typing

from freezer_api.domain import agents, session_state
from freezer_api.domain.documents import Body
from freezer_api.domain.restore_sources import Source

#: What is done: bring the run back; let agents read its backups; or restore
#: them to a folder and compare checksums.
Mode = typing.Literal['restore', 'verify-read', 'verify-restore']
RESTORE: typing.Final = 'restore'
READ: typing.Final = 'verify-read'
COMPARE: typing.Final = 'verify-restore'
MODES: tuple[Mode, ...] = (RESTORE, READ, COMPARE)
#: Problems of a part of the run that the caller of a restore may accept: the
#: rest is restored.
INCOMPLETE = frozenset(('failed', 'missing'))
#: Problems for which a part of the run isn't verified; the rest is.
LEFT_OUT = frozenset(('unverifiable', 'deleted', 'unavailable'))


class Problem(typing.TypedDict):
    """What is in the way of restoring a member; ``job_id`` is '' if it is of
    the whole run.
    """

    job_id: str
    code: str
    text: str


class PlanWarning(typing.TypedDict):
    """What an operator should know before a backup is restored."""

    code: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """What a request wants of one member of the run.

    The keys of ``freezer_action`` replace those that are planned; a null
    removes one.
    """

    client_id: str | None = None
    path: str | None = None
    overwrite: bool = False
    skip: bool = False
    freezer_action: Body = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What a request wants, and its ``wishes`` for members by job id.

    ``path_prefix`` is the folder of a restore, ``path`` that of a
    verification.
    """

    mode: Mode = RESTORE
    client_id: str | None = None
    path_prefix: str | None = None
    path: str | None = None
    allow_incomplete: bool = False
    wishes: collections.abc.Mapping[str, Wish] = dataclasses.field(
        default_factory=dict
    )

    def wish(self, job_id: str) -> Wish:
        """Return what is wanted of a member."""
        return self.wishes.get(job_id, Wish())


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One member of the run: its client at that time, its result, and its
    backups, each of another place.

    ``silent`` says that its job backs nothing up, so no backup of it is
    missing.
    """

    job_id: str
    client_id: str
    result: str = session_state.SUCCESS
    sources: tuple[Source, ...] = ()
    silent: bool = False

    @property
    def release(self) -> int | None:
        """Return the first number of its agent's version, the greatest that
        its backups name; None if they name none.
        """
        releases: list[int] = []
        for source in self.sources:
            release = agents.major(source.metadata.get('client_version'))
            if release is not None:
                releases.append(release)
        return max(releases, default=None)

    def target(self, order: Order) -> str:
        """Return the id of the client that is to restore it."""
        wish = order.wish(self.job_id)
        return wish.client_id or order.client_id or self.client_id


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One backup, the action that its client is told to do, and what is in the
    way of that.
    """

    job_id: str
    client_id: str
    source: Source
    action: Body
    warnings: tuple[PlanWarning, ...]
    problems: tuple[Problem, ...] = ()

    def shown(self) -> Body:
        """Return the entry of ``steps``."""
        backup = self.source.backup
        return {
            'job_id': self.job_id,
            'client_id': self.client_id,
            'backup_id': backup.id,
            'time_stamp': backup.body['backup_metadata'].get('time_stamp'),
            'sure': self.source.sure,
            'freezer_action': self.action,
            'warnings': list(self.warnings),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, and what is in the way of it. It is ``complete`` if
    every member that makes backups is in it.
    """

    session_id: str
    tag: int
    complete: bool
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]

    def refusals(self, order: Order) -> list[Problem]:
        """Return the problems for which the order is refused."""
        accepted: frozenset[str] = frozenset()
        if order.mode != RESTORE:
            accepted = INCOMPLETE | LEFT_OUT
        elif order.allow_incomplete:
            accepted = INCOMPLETE
        refusals: list[Problem] = []
        for problem in self.problems:
            if problem['code'] not in accepted:
                refusals.append(problem)
        return refusals

    def by_member(self) -> dict[str, list[Step]]:
        """Return the steps without problems, by the ids of the jobs whose
        backups they restore.
        """
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            if not step.problems:
                found.setdefault(step.job_id, []).append(step)
        return found

    def shown(self) -> Body:
        """Return the answer's ``plan``."""
        return {
            'session_id': self.session_id,
            'session_tag': self.tag,
            'complete': self.complete,
            'steps': [step.shown() for step in self.steps],
            'problems': list(self.problems),
        }
