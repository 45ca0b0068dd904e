"""The plan that restores a run, or verifies that it can be restored: pure,
from all that is known of the run.

A plan has a step for each backup, and what is in the way of it.
"""

import collections.abc
import dataclasses
import posixpath

from freezer_api import exceptions
from freezer_api.domain import (
    agents,
    backups,
    capabilities,
    restore_actions,
    restore_checks,
    restore_keys,
    restore_sources,
    session_state,
)
from freezer_api.domain.documents import Body
from freezer_api.domain.restore_checks import Defect
from freezer_api.domain.restore_plans import (
    COMPARE,
    READ,
    RESTORE,
    Member,
    Order,
    Plan,
    Problem,
    Step,
)
from freezer_api.domain.restore_sources import Place, Source

#: The folder of a verification, unless the request names another one. An agent
#: that only reads creates it, and leaves it empty.
READING = '/tmp/freezer-verify'  # noqa: S108
#: What each client can do; None for one that isn't there.
Clients = collections.abc.Mapping[str, Body | None]


def latest(sources: collections.abc.Iterable[Source]) -> tuple[Source, ...]:
    """Return a member's latest backup of each place and path, oldest first: an
    agent that tried again has made several.
    """
    found: dict[tuple[Place, str | None], Source] = {}
    for source in sorted(sources, key=_time_of):
        key = (restore_sources.place(source), source.path)
        # Removed first, so that the later one is last in order too.
        found.pop(key, None)
        found[key] = source
    return tuple(found.values())


def plan(
    session_id: str,
    tag: int,
    status: str,
    members: collections.abc.Sequence[Member],
    order: Order,
    clients: Clients,
) -> Plan:
    """Return the plan for a run in a ``status``; ``clients`` are those that are
    to restore.

    ``InvalidInput`` if the order sets a key that a restore must not have.
    """
    steps: list[Step] = []
    problems: list[Problem] = []
    is_complete = True
    if status == session_state.RUNNING:
        problems.append(_problem('', 'running', 'The run is in progress.'))
        is_complete = False
    releases = _releases(members)
    for member in members:
        if order.wish(member.job_id).skip:
            is_complete = is_complete and member.silent
            continue
        missing = _missing(member)
        member_steps = _steps(member, order, clients, releases)
        problems += missing
        for step in member_steps:
            problems += step.problems
        steps += member_steps
    problems += _same_paths(steps, order)
    return Plan(
        session_id,
        tag,
        complete=is_complete and not problems,
        steps=tuple(steps),
        problems=tuple(problems),
    )


def _time_of(source: Source) -> int:
    return backups.time_of(source.backup.body) or 0


def _releases(
    members: collections.abc.Iterable[Member],
) -> dict[str, int]:
    """Return the release of the agent on each client, as far as the backups of
    all members tell.
    """
    releases: dict[str, int] = {}
    for member in members:
        if member.release:
            known = releases.get(member.client_id, 0)
            releases[member.client_id] = max(known, member.release)
    return releases


def _missing(member: Member) -> list[Problem]:
    """Return what the run lacks of a member."""
    problems: list[Problem] = []
    if member.result != session_state.SUCCESS:
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
    return problems


def _steps(
    member: Member,
    order: Order,
    clients: Clients,
    releases: collections.abc.Mapping[str, int],
) -> list[Step]:
    """Return the steps for a member's backups, with their problems."""
    steps: list[Step] = []
    target = member.target(order)
    release = releases.get(target)
    for number, source in enumerate(member.sources):
        step = _step(member, number, source, order, release)
        backup_id = source.backup.id
        problems: list[Problem] = []
        for defect in _defects(member, step, order, clients):
            problem = _problem(
                member.job_id,
                defect.code,
                f'Backup {backup_id}: {defect.text}',
            )
            problems.append(problem)
        step = dataclasses.replace(step, problems=tuple(problems))
        steps.append(step)
    return steps


def _step(
    member: Member,
    number: int,
    source: Source,
    order: Order,
    release: int | None,
) -> Step:
    """Return the step for a member's ``number``-th backup, without
    problems.
    """
    path = _path(member, number, source, order)
    action = restore_actions.compose(source, path)
    wish = order.wish(member.job_id)
    _check_settable(wish.freezer_action, action['mode'], member.job_id)
    action.update(wish.freezer_action)
    if wish.overwrite:
        action['overwrite'] = True
    if order.mode == READ:
        action = restore_actions.read_only(action)
    if order.mode == COMPARE:
        checksum = source.metadata.get('consistency_checksum')
        if checksum:
            action.setdefault('consistency_checksum', checksum)
    # A null in the request removes a key.
    action = {key: value for key, value in action.items() if value is not None}
    target = member.target(order)
    is_same_client = not member.client_id or target == member.client_id
    in_place = is_same_client and _is_origin(action, source)
    warnings = restore_checks.warnings(source, action, in_place, release)
    if order.mode == COMPARE and not action.get('consistency_checksum'):
        warnings.append(restore_checks.warning('no-checksum'))
    return Step(
        member.job_id,
        target,
        source,
        action,
        tuple(warnings),
    )


def _is_origin(action: Body, source: Source) -> bool:
    """Tell whether an action restores a backup to the path that was backed up,
    however that is spelt.
    """
    path = action.get('restore_abs_path')
    if path is None:
        # Agents take the path that the backup itself says.
        return True
    origin = source.path
    return origin is not None and _normal(str(path)) == _normal(origin)


def _normal(path: str) -> str:
    """Return a path in one spelling for all that mean the same."""
    # POSIX lets two slashes at the beginning mean something else.
    rooted = path.startswith('/')
    return posixpath.normpath('/' + path.lstrip('/') if rooted else path)


def _check_settable(definition: Body, mode: str, job_id: str) -> None:
    settable = restore_keys.settable(mode)
    for key in definition:
        if key not in settable:
            raise exceptions.InvalidInput(
                f'jobs.{job_id}.freezer_action.{key[:64]}: must not be set in'
                f' a restore of mode {mode[:64]}.'
            )


def _path(
    member: Member, number: int, source: Source, order: Order
) -> str | None:
    """Return the folder that a backup is restored to; None for where it came
    from.
    """
    # Several backups of a member must not overwrite each other.
    own_folder = ''
    if len(member.sources) > 1:
        own_folder = str(number)
    wish = order.wish(member.job_id)
    if wish.path is not None:
        return _join(wish.path, own_folder)
    folder = order.path or READING
    if order.mode == READ:
        return folder
    if order.mode == COMPARE:
        folder = _join(folder, member.job_id)
        return _join(folder, own_folder)
    if order.path_prefix is None:
        return None
    original = source.path or member.job_id
    # C:\data becomes C/data.
    below = original.replace(':', '').replace('\\', '/')
    # Made absolute first, so that no ".." leads out of the folder.
    below = posixpath.normpath(f'/{below}')
    return posixpath.join(order.path_prefix, below.lstrip('/'))


def _join(folder: str, below: str) -> str:
    """Return a path in a folder; the folder itself for an empty one, without
    the slash that is appended otherwise.
    """
    if not below:
        return folder
    return posixpath.join(folder, below)


def _defects(
    member: Member, step: Step, order: Order, clients: Clients
) -> collections.abc.Iterator[Defect]:
    """Yield what is in the way of a step."""
    source = step.source
    status = source.backup.body['status']
    if status in (backups.DELETED, backups.DELETING):
        yield Defect('deleted', f'Its status is {status}.')
    elif status != backups.AVAILABLE:
        yield Defect(
            'unavailable',
            f'Its status is {status}, not available.',
        )
    has_wish = bool(order.wish(member.job_id).freezer_action)
    if not source.fits and not source.gone and not has_wish:
        yield Defect(
            'changed',
            f'The actions of job {member.job_id} have changed since; none does'
            ' what its metadata say.',
        )
    defect = restore_checks.defect(step.action)
    if defect is not None:
        yield defect
    elif order.mode != RESTORE and not _is_verifiable(step.action, order):
        yield Defect(
            'unverifiable',
            'Agents can verify only archives of tar, and compare only those of'
            ' mode fs.',
        )
    client = clients[step.client_id]
    if client is None:
        yield Defect(
            'client-missing',
            f'Client {step.client_id} could not be found.',
        )
        return
    try:
        capabilities.check(step.action, client, 'freezer_action')
    except exceptions.Unprocessable as error:
        yield Defect('not-capable', error.message)


def _is_verifiable(action: Body, order: Order) -> bool:
    if not restore_actions.is_readable(action):
        return False
    return bool(order.mode == READ or action['mode'] == 'fs')


def _same_paths(
    steps: collections.abc.Iterable[Step], order: Order
) -> list[Problem]:
    """Return a problem for each step that restores to a folder of its client
    to which an earlier step restores.
    """
    problems: list[Problem] = []
    if order.mode == READ:
        # Nothing is written.
        return problems
    taken: set[tuple[str, str]] = set()
    for step in steps:
        path = step.action.get('restore_abs_path')
        if step.action['mode'] not in agents.FILES or path is None:
            continue
        path = posixpath.normpath(str(path))
        place = (step.client_id, path)
        if place in taken:
            problems.append(
                _problem(
                    step.job_id,
                    'same-path',
                    f'Client {step.client_id} restores another backup to'
                    f' {path[:1024]} too.',
                )
            )
        taken.add(place)
    return problems


def _problem(job_id: str, code: str, text: str) -> Problem:
    return {'job_id': job_id, 'code': code, 'text': text}
