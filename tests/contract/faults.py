"""A process that dies or stands still at one of its writes, or loses its answer; and worlds to see what others make of that."""

import collections.abc
import threading
import typing

from freezer_api import db, exceptions
from freezer_api.db.base import JobWrite
from freezer_api.db.elasticsearch import driver
from freezer_api.domain import documents, search
from freezer_api.domain.documents import ACTIONS, BACKUPS, CLIENTS, JOBS, SESSIONS, TRUSTS, Body
from freezer_api.services import sessions
from freezer_api.services.common import Caller
from tests.contract import actors, base

KINDS = (SESSIONS, JOBS, ACTIONS, CLIENTS, TRUSTS)
BEGINNING = 1_700_000_000 * documents.SECOND
REFUSED = (exceptions.NotFound, exceptions.InvalidInput, exceptions.Conflict, exceptions.Unprocessable)


class Killed(BaseException):
    """The process is dead."""


class Faulty:
    """A storage of its own, whose ``number``-th write (from 1) is the last that it does, or is where it stands still.

    ``at`` is called after that write has been done, or instead of it where ``lost``.
    """

    def __init__(self, case: base.ContractCase, number: int, at: collections.abc.Callable[[], typing.Any], before: bool = False):
        self.storage = typing.cast(driver.Driver, db.load(case.conf))
        self.storage.clock = case.clock
        case.addCleanup(self.storage.close)
        self.writes = 0
        self._number, self._at, self._before = number, at, before
        self._call = self.storage.client.call
        self.storage.client.call = self._faulty  # type: ignore[method-assign]

    def _faulty(self, method: str, path: str, *arguments: typing.Any, **named: typing.Any) -> typing.Any:
        if path != '/_bulk':
            return self._call(method, path, *arguments, **named)
        self.writes += 1
        if self.writes == self._number and self._before:
            self._at()
        answer = self._call(method, path, *arguments, **named)
        if self.writes == self._number and not self._before:
            self._at()
        return answer


def killing(case: base.ContractCase, number: int) -> Faulty:
    """A process that is killed after a write."""
    def die() -> None:
        def dead(*arguments: typing.Any, **named: typing.Any) -> typing.Any:
            raise Killed

        faulty.storage.client.call = dead  # type: ignore[method-assign]
        raise Killed

    faulty = Faulty(case, number, die)
    return faulty


def losing(case: base.ContractCase, number: int) -> Faulty:
    """A process that isn't told that a write was done."""
    def lose() -> None:
        raise exceptions.StorageUnavailable

    return Faulty(case, number, lose)


class Paused:
    """A process that stands still before one of its writes, until it may go on."""

    def __init__(self, case: base.ContractCase, number: int):
        self.reached, self.resumed = threading.Event(), threading.Event()
        self.faulty = Faulty(case, number, self._wait, before=True)

    def _wait(self) -> None:
        self.reached.set()
        self.resumed.wait(60)


class World:
    """A project in which every operation of the storage has something to do."""

    def __init__(self, case: base.ContractCase):
        self.clock = case.clock
        self.clock.now = BEGINNING
        self.project = f'p-{actors.new_id()}'
        self.actor = actor = case.actor_in(self.project)
        actor.put_action('a', action='info')
        actor.put_client('client')
        actor.put_trust('trust')
        actor.put_trust('free')
        actor.new_session('s', schedule={'schedule_day': '1'}, hold_off=30)
        actor.new_session('t', schedule={'schedule_day': '2'}, hold_off=30)
        for job in 'jkn':
            actor.new_job(job, session_id='s' if job in 'jk' else None, actions=['a'] if job in 'jn' else (),
                          client_id='client', user_credentials={'trust_id': 'trust', 'trustor_user_id': 'user'})
        actor.start('s', 'j', 0)
        actor.start('s', 'k', 0)
        actor.end('s', 'j', 1)
        self.clock.advance(31)

    def operations(self, storage: typing.Any = None) -> dict[str, collections.abc.Callable[[], typing.Any]]:
        """What can be done, by name, on another storage if one is given."""
        actor = actors.Actor(storage or self.actor.storage, self.actor.scope)
        fresh = {'b': {'action_id': 'b', 'project_id': self.project, 'user_id': 'user', 'freezer_action': {'action': 'exec'},
                       'max_retries': 5, 'max_retries_interval': 6, 'mandatory': False}}
        new = actors.job_body('new', self.project, job_actions=[actors.entry('b', {'action': 'exec'})])
        shared = actors.job_body('new', self.project, job_actions=[actors.entry('a', {'action': 'info'})])

        def take(current, stored, now):
            if 'a' not in stored:
                raise exceptions.Unprocessable('gone')
            entry = actors.entry('a', stored['a'].body['freezer_action'])
            return JobWrite({**shared, 'job_actions': [entry]})

        return {
            'attach n': lambda: actor.attach('s', 'n'), 'move j': lambda: actor.attach('t', 'j'),
            'detach j': lambda: actor.detach('s', 'j'), 'delete j': lambda: actor.delete_job('j'),
            'delete n': lambda: actor.delete_job('n'), 'overtake': lambda: actor.start('s', 'j', 1),
            'late end': lambda: actor.end('s', 'k', 1),
            'schedule': lambda: actor.patch_session('s', schedule={'schedule_hour': '5'}),
            'delete s': lambda: actor.delete_session('s'), 'replace s': lambda: sessions.replace(
                actor.storage, Caller(self.project, 'user'), 's', {'description': 'again', 'schedule': {'schedule_day': '3'}}),
            'client of j': lambda: actor.change_job('j', lambda job: {**job, 'client_id': 'other'}),
            'report j': lambda: actor.change_job('j', lambda job: {**job, 'description': 'reported'}),
            'change a': lambda: actor.put_action('a', action='exec'), 'delete a': lambda: actor.delete_action('a'),
            'new job': lambda: actor.put_job('new', new, fresh), 'take a': lambda: actor.storage.write_job(
                actor.scope, 'new', take, ('a',)),
            'centralise': lambda: actor.put_client(self.project, central=True),
            'trusted': lambda: actor.change_job('n', lambda job: {
                **job, 'user_credentials': {'trust_id': 'free', 'trustor_user_id': 'user'}}),
            'end free': lambda: actor.end_trust('free')}


def outcome(operation: collections.abc.Callable[[], typing.Any]) -> typing.Any:
    """What an operation tells, comparable between worlds."""
    try:
        result = operation()
    except REFUSED as error:
        return type(error).__name__
    except (exceptions.StorageUnavailable, Killed) as error:
        return error
    return result if isinstance(result, (bool, tuple)) else None


def snapshot(case: base.ContractCase, world: World, storage: typing.Any = None) -> Body:
    """All that readers see, the names of the world taken out; an ``AssertionError`` where two of them disagree."""
    actor = actors.Actor(storage or case.make_storage(), world.actor.scope)
    actor.storage.clock = world.clock
    listed = {kind: {document.id: (document.version, document.body) for document in actor.page(kind).documents} for kind in KINDS}
    for kind in (*KINDS, *reversed(KINDS)):
        for id in (*listed[kind], 's', 't', 'j', 'k', 'n', 'a', 'b', 'new'):
            got = None if actor.missing(kind, id) else actor.get(kind, id)
            case.assertEqual(listed[kind].get(id), (got.version, got.body) if got else None, (kind, id))
    _agree(case, actor, listed)
    runs = {id: [record.shown(id) for record in actor.records(id)] for id in listed[SESSIONS]}
    bodies = {kind: {id: body for id, (version, body) in found.items()} for kind, found in listed.items()}
    return _anonymous({'runs': runs, **bodies}, world.project)


def _agree(case: base.ContractCase, actor: actors.Actor, listed: dict[str, dict[str, tuple[int, Body]]]) -> None:
    jobs = {id: body for id, (version, body) in listed[JOBS].items()}
    for id, (_version, session) in listed[SESSIONS].items():
        members = {job for job, body in jobs.items() if body['session_id'] == id}
        case.assertEqual(set(session['jobs']), members, 'jobs and members differ')
        case.assertEqual(sorted(members), sorted(actor.ids(JOBS, [{'session_id': id}])), 'the search finds other members')
        for job in members:
            case.assertEqual(session['jobs'][job]['client_id'], jobs[job]['client_id'])
            timing = {key: value for key, value in jobs[job]['job_schedule'].items() if key.startswith('schedule_')}
            case.assertEqual(session['schedule'], timing, 'a member has another schedule')
    case.assertLessEqual({body['session_id'] for body in jobs.values()}, {*listed[SESSIONS], ''})
    actions = {id: body['freezer_action'] for id, (version, body) in listed[ACTIONS].items()}
    for job in jobs.values():
        for entry in job['job_actions']:
            case.assertEqual(actions.get(entry['action_id']), entry['freezer_action'], 'an action and its copy differ')
        trust = documents.trust(job)
        case.assertTrue(trust is None or trust in listed[TRUSTS], 'a job has a trust that is gone')
    for id, (_version, client) in listed[CLIENTS].items():
        claimed = actor.storage.claimed(CLIENTS, id)
        case.assertEqual(client['client']['is_central'], claimed is not None and claimed.project_id == actor.project_id)
    case.assertEqual([], actor.ids(BACKUPS))
    found = search.parse({'match': [{'client_id': 'other'}]}, JOBS, limit=100)
    case.assertEqual({id for id, body in jobs.items() if body['client_id'] == 'other'},
                     {document.id for document in actor.storage.find(actor.scope, JOBS, found).documents})


def _anonymous(value: typing.Any, name: str) -> typing.Any:
    if isinstance(value, dict):
        return {key.replace(name, 'P'): _anonymous(content, name) for key, content in value.items()}
    if isinstance(value, list):
        return [_anonymous(content, name) for content in value]
    return value.replace(name, 'P') if isinstance(value, str) else value
