"""The plan that brings a run back, or proves that it can be brought back:
pure, from all that is known of the run.

A plan has a step for each backup, and what stands against it. What a step
tells an agent is made in :mod:`.restoring`.
"""

import collections.abc
import dataclasses
import posixpath
import typing

from freezer_api import exceptions
from freezer_api.domain import (
    agents,
    backups,
    capabilities,
    restore_keys,
    restoring,
    sessions,
)
from freezer_api.domain.documents import Body
from freezer_api.domain.restoring import COMPARE, READ, RESTORE, Source

#: Where an agent that only reads makes an empty folder, unless the request
#: names another one.
READING = '/tmp/freezer-verify'  # noqa: S108
#: Problems of a part of the run that a caller may accept, by mode: the rest is
#: brought back, or verified.
INCOMPLETE = frozenset(('failed', 'missing'))
LEFT_OUT = frozenset(('unverifiable', 'deleted', 'unavailable'))


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """What a request wants of one member; ``freezer_action`` is set over what
    is planned, a null takes a key away.
    """

    client_id: str | None = None
    path: str | None = None
    overwrite: bool = False
    skip: bool = False
    freezer_action: Body = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What a request wants: ``mode`` is one of :data:`restoring.MODES`;
    ``path`` is where a verification restores to.
    """

    mode: str = RESTORE
    client_id: str | None = None
    path_prefix: str | None = None
    path: str | None = None
    allow_incomplete: bool = False
    wishes: collections.abc.Mapping[str, Wish] = dataclasses.field(
        default_factory=dict
    )

    def wish(self, job_id: str) -> Wish:
        """What is wanted of a member."""
        return self.wishes.get(job_id, Wish())


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One member of the run: its client then, its result, and its backups,
    each in a place of its own.

    ``silent``: its job backs nothing up, so that no backup of it is missing.
    """

    job_id: str
    client_id: str
    result: str = sessions.SUCCESS
    sources: tuple[Source, ...] = ()
    silent: bool = False

    @property
    def release(self) -> int | None:
        """The first number of its agent's version, as far as its backups
        tell.
        """
        told = [
            agents.major(source.metadata.get('client_version'))
            for source in self.sources
        ]
        return max(
            (number for number in told if number is not None), default=None
        )

    def target(self, order: Order) -> str:
        """The client that is to restore it."""
        return (
            order.wish(self.job_id).client_id
            or order.client_id
            or self.client_id
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One backup, what the client is to be told, and what stands against
    that.
    """

    job_id: str
    client_id: str
    source: Source
    action: Body
    warnings: tuple[Body, ...]
    problems: tuple[Body, ...] = ()

    def shown(self) -> Body:
        """The entry of ``steps``."""
        return {
            'job_id': self.job_id,
            'client_id': self.client_id,
            'backup_id': self.source.backup.id,
            'time_stamp': (
                self.source.backup.body['backup_metadata'].get('time_stamp')
            ),
            'sure': self.source.sure,
            'freezer_action': self.action,
            'warnings': list(self.warnings),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, and what stands against it; ``complete``: every
    member that backs up is in it.
    """

    session_id: str
    tag: int
    complete: bool
    steps: tuple[Step, ...]
    problems: tuple[Body, ...]

    def refusals(self, order: Order) -> list[Body]:
        """The problems for which the order can't be carried out."""
        accepted = INCOMPLETE if order.allow_incomplete else frozenset()
        accepted = accepted if order.mode == RESTORE else INCOMPLETE | LEFT_OUT
        return [
            problem
            for problem in self.problems
            if problem['code'] not in accepted
        ]

    def by_member(self) -> dict[str, list[Step]]:
        """The steps that nothing stands against, by the jobs whose backups
        they restore.
        """
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            if not step.problems:
                found.setdefault(step.job_id, []).append(step)
        return found

    def shown(self) -> Body:
        """The answer's ``plan``."""
        return {
            'session_id': self.session_id,
            'session_tag': self.tag,
            'complete': self.complete,
            'steps': [step.shown() for step in self.steps],
            'problems': list(self.problems),
        }


def latest(sources: collections.abc.Iterable[Source]) -> tuple[Source, ...]:
    """Of a member's backups the last one of each place, oldest first: an agent
    that tried again has made several.
    """
    found: dict[tuple[typing.Any, ...], Source] = {}
    for source in sorted(
        sources, key=lambda source: backups.time_of(source.backup.body) or 0
    ):
        place = restoring.place(source), source.path
        # The later one comes later.
        found.pop(place, None)
        found[place] = source
    return tuple(found.values())


def plan(
    session_id: str,
    tag: int,
    status: str,
    members: collections.abc.Sequence[Member],
    order: Order,
    clients: collections.abc.Mapping[str, Body | None],
) -> Plan:
    """The plan for a run in a ``status``. ``clients`` has what each target can
    do, None for one that isn't there.
    """
    steps: list[Step] = []
    problems = (
        [_problem('', 'running', 'The run is still going on.')]
        if status == sessions.RUNNING
        else []
    )
    complete = not problems
    releases: dict[str, int] = {}
    for member in members:
        known = max(member.release or 0, releases.get(member.client_id, 0))
        releases |= {member.client_id: known} if known else {}
    for member in members:
        if order.wish(member.job_id).skip:
            complete = complete and member.silent
            continue
        made, against = _of_member(member, order, clients, releases)
        complete = complete and not against
        steps += made
        problems += against
    problems += _same_paths(steps, order)
    return Plan(
        session_id,
        tag,
        complete and len(problems) == 0,
        tuple(steps),
        tuple(problems),
    )


def _of_member(
    member: Member,
    order: Order,
    clients: collections.abc.Mapping[str, Body | None],
    releases: collections.abc.Mapping[str, int],
) -> tuple[list[Step], list[Body]]:
    steps, problems = [], []
    if member.result != sessions.SUCCESS:
        problems.append(
            _problem(
                member.job_id,
                'failed',
                'The member did not succeed in the run.',
            )
        )
    if not member.sources and not member.silent:
        problems.append(
            _problem(
                member.job_id,
                'missing',
                'The run has no backup of the member.',
            )
        )
    for number, source in enumerate(member.sources):
        step = _step(
            member, number, source, order, releases.get(member.target(order))
        )
        against = tuple(
            _problem(member.job_id, code, f'Backup {source.backup.id}: {text}')
            for code, text in _against(member, step, order, clients)
        )
        steps.append(dataclasses.replace(step, problems=against))
        problems += against
    return steps, problems


def _step(
    member: Member,
    number: int,
    source: Source,
    order: Order,
    release: int | None,
) -> Step:
    wish = order.wish(member.job_id)
    path = _path(member, number, source, order)
    action = restoring.compose(source, path)
    for key in wish.freezer_action.keys() - restore_keys.settable(
        action['mode']
    ):
        raise exceptions.InvalidInput(
            f'jobs.{member.job_id}.freezer_action.{key[:64]}: '
            f'must not be set in a restore of mode {action["mode"][:64]}.'
        )
    found = {**action, **wish.freezer_action}
    if wish.overwrite:
        found['overwrite'] = True
    if order.mode == READ:
        found = restoring.read_only(found)
    checksum = source.metadata.get('consistency_checksum')
    if order.mode == COMPARE and checksum:
        found.setdefault('consistency_checksum', checksum)
    found = {key: value for key, value in found.items() if value is not None}
    warned = restoring.warnings(source, found, path is None, release)
    if order.mode == COMPARE and not found.get('consistency_checksum'):
        warned.append(restoring.warning('no-checksum'))
    return Step(
        member.job_id, member.target(order), source, found, tuple(warned)
    )


def _path(
    member: Member, number: int, source: Source, order: Order
) -> str | None:
    """Where a backup is restored to; None: where it came from."""
    wish = order.wish(member.job_id)
    numbered = [str(number)] if len(member.sources) > 1 else []
    if wish.path is not None:
        return posixpath.join(wish.path, *numbered)
    if order.mode == READ:
        return order.path or READING
    if order.mode == COMPARE:
        return posixpath.join(order.path or READING, member.job_id, *numbered)
    if order.path_prefix is None:
        return None
    below = (source.path or member.job_id).replace(':', '').replace('\\', '/')
    return posixpath.join(
        order.path_prefix, posixpath.normpath(f'/{below}').lstrip('/')
    )


def _against(
    member: Member,
    step: Step,
    order: Order,
    clients: collections.abc.Mapping[str, Body | None],
) -> collections.abc.Iterator[tuple[str, str]]:
    """What stands against a step, as codes and texts."""
    status = step.source.backup.body['status']
    if status in (backups.DELETED, backups.DELETING):
        yield 'deleted', f'It is {status}.'
    elif status != backups.AVAILABLE:
        yield 'unavailable', f'It is not available but {status}.'
    if not (
        step.source.fits
        or step.source.gone
        or order.wish(member.job_id).freezer_action
    ):
        yield (
            'changed',
            f'Job {member.job_id} does not do today what its metadata tell.',
        )
    defect = restoring.defect(step.source, step.action)
    if defect is not None:
        yield defect
    elif order.mode != RESTORE and not _is_verifiable(step.action, order.mode):
        yield (
            'unverifiable',
            (
                'An agent can verify archives of tar alone, and compare those'
                ' of mode fs.'
            ),
        )
    client = clients[step.client_id]
    if client is None:
        yield 'client-missing', f'Client {step.client_id} could not be found.'
        return
    try:
        capabilities.check(step.action, client, 'freezer_action')
    except exceptions.Unprocessable as error:
        yield 'not-capable', error.message


def _is_verifiable(action: Body, mode: str) -> bool:
    return restoring.is_readable(action) and (
        mode == READ or action['mode'] == 'fs'
    )


def _same_paths(
    steps: collections.abc.Iterable[Step], order: Order
) -> collections.abc.Iterator[Body]:
    """A problem for each step that restores to a folder of its client that
    another one restores to.
    """
    taken: set[tuple[str, str]] = set()
    for step in steps if order.mode != READ else ():
        if (
            step.action['mode'] in agents.FILES
            and 'restore_abs_path' in step.action
        ):
            place = (
                step.client_id,
                posixpath.normpath(str(step.action['restore_abs_path'])),
            )
            if place in taken:
                yield _problem(
                    step.job_id,
                    'same-path',
                    f'Client {place[0]} restores something else to'
                    f' {place[1][:1024]} too.',
                )
            taken.add(place)


def _problem(job_id: str, code: str, text: str) -> Body:
    return {'job_id': job_id, 'code': code, 'text': text}
