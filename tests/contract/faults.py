"""Processes that die, stand still or lose an answer at one of their requests to Elasticsearch, and
a scenario to see what others make of that.
"""

import collections.abc
import contextlib
import dataclasses
import functools
import threading
import typing
import weakref

from freezer_api import db, exceptions
from freezer_api.db.base import Entry, Scope, Storage, Store
from freezer_api.db.elasticsearch import driver, transactions
from freezer_api.domain import documents, search, session_state
from freezer_api.domain.documents import ACTIONS, CLIENTS, JOBS, SESSIONS, TRUSTS, Body
from freezer_api.services import sessions
from freezer_api.services.common import Caller
from freezer_api.tests.contract import base, bodies, project_operations
from tests.contract import interception

KINDS = (SESSIONS, JOBS, ACTIONS, CLIENTS, TRUSTS)
BEGINNING = 1_700_000_000 * documents.SECOND
REFUSED = (
    exceptions.NotFound,
    exceptions.InvalidInput,
    exceptions.Conflict,
    exceptions.Unprocessable,
)


class Killed(BaseException):
    """The process is dead."""


Send = Operation = collections.abc.Callable[[], typing.Any]


class Faulty:
    """A storage of its own, in place of whose ``number``-th request (from 1) ``at`` is called, with
    what sends the request.

    Requests that write are counted alone, or all of them.
    """

    def __init__(
        self,
        case: base.ContractCase,
        number: int,
        at: collections.abc.Callable[[Send], typing.Any],
        every: bool = False,
    ):
        self.storage = typing.cast(driver.Driver, db.load(case.conf))
        self.storage.clock = case.clock
        case.addCleanup(self.storage.close)
        self.requests = 0
        self._number, self._at, self._every = number, at, every
        interception.intercept(self.storage, self._answer)

    def _answer(self, request: interception.Request) -> typing.Any:
        if not self._every and not request.writes:
            return request()
        self.requests += 1
        if self.requests == self._number:
            return self._at(request)
        return request()


def killing(case: base.ContractCase, number: int) -> Faulty:
    """A process that is killed after a write."""

    def dead(request: interception.Request) -> typing.NoReturn:
        raise Killed

    def die(send: Send) -> typing.NoReturn:
        send()
        interception.intercept(faulty.storage, dead)
        raise Killed

    faulty = Faulty(case, number, die)
    return faulty


def losing(case: base.ContractCase, number: int) -> Faulty:
    """A process that isn't told that a write was done."""

    def lose(send: Send) -> None:
        send()
        raise exceptions.StorageUnavailable

    return Faulty(case, number, lose)


def refused(case: base.ContractCase, number: int) -> Faulty:
    """A process that can't send a write."""

    def refuse(send: Send) -> None:
        raise exceptions.StorageUnavailable

    return Faulty(case, number, refuse)


def repeating(case: base.ContractCase, number: int) -> Faulty:
    """A process whose client sends a write again, for the first answer was lost on the way."""

    def repeat(send: Send) -> typing.Any:
        send()
        return send()

    return Faulty(case, number, repeat)


class Paused:
    """A process that stands still before one of its writes, or of all requests, until it may go
    on.
    """

    def __init__(self, case: base.ContractCase, number: int, every: bool = False):
        self.reached, self.resumed = threading.Event(), threading.Event()
        self.faulty = Faulty(case, number, self._wait, every)

    def _wait(self, send: Send) -> typing.Any:
        self.reached.set()
        assert self.resumed.wait(60), 'nobody lets it go on'
        return send()

    @contextlib.contextmanager
    def doing(self, operation: Operation) -> collections.abc.Iterator[list[typing.Any]]:
        """An operation of this process, standing still; what it told is in the list at the end,
        when it has gone on.
        """
        with _meanwhile(operation) as told:
            try:
                assert self.reached.wait(60), f'it never comes so far: {told}'
                yield told
            finally:
                self.resumed.set()


@contextlib.contextmanager
def queueing(operation: Operation) -> collections.abc.Iterator[list[typing.Any]]:
    """An operation that waits for others of its process; what it told is in the list at the end."""

    class Waiting(transactions._Waiting):
        def __init__(self, *arguments: typing.Any):
            super().__init__(*arguments)
            self.woken.wait = self._wait  # type: ignore[method-assign]

        def _wait(self, timeout: float | None = None) -> bool:
            queued.set()
            return threading.Event.wait(self.woken, timeout)

    queued = threading.Event()
    waiting, transactions._Waiting = transactions._Waiting, Waiting  # type: ignore[misc]
    try:
        with _meanwhile(operation) as told:
            assert queued.wait(60), f'it never waits: {told}'
            yield told
    finally:
        transactions._Waiting = waiting  # type: ignore[misc]


@contextlib.contextmanager
def _meanwhile(operation: Operation) -> collections.abc.Iterator[list[typing.Any]]:
    told: list[typing.Any] = []
    thread = threading.Thread(target=lambda: told.append(operation()))
    thread.start()
    try:
        yield told
    finally:
        thread.join()


#: The project, and all that is in it, that all scenarios of a storage begin as.
_PREPARED: weakref.WeakKeyDictionary[Storage, tuple[str, list[Entry]]] = weakref.WeakKeyDictionary()


def _prepare(case: base.ContractCase) -> tuple[str, list[Entry]]:
    project_id = f'p-{bodies.new_id()}'
    project = case.in_project(project_id)
    project.put_action('a', action='info')
    project.put_client('client')
    for trust in ('trust', 'free'):
        project.put_trust(trust)
    for session, day in ('s', '1'), ('t', '2'):
        project.new_session(session, schedule={'schedule_day': day}, hold_off=30)
    for job in 'jklmn':
        project.new_job(
            job,
            session_id={'j': 's', 'k': 's', 'l': 't', 'm': 't'}.get(job),
            actions=['a'] if job in 'jn' else (),
            client_id='client',
            user_credentials={'trust_id': 'trust', 'trustor_user_id': 'user'},
        )
    for session, job in ('s', 'j'), ('s', 'k'), ('t', 'l'):
        project.start(session, job, 0)
    for session, job in ('s', 'j'), ('t', 'l'):
        project.end(session, job, 1)
    outcomes = [
        project.decide(id, lambda session, now, record: session_state.Keep(session)) for id in 'st'
    ]
    return project_id, [
        *(
            Entry(SESSIONS, project_id, outcome.session.session_id, outcome.session)
            for outcome in outcomes
            if outcome.session is not None
        ),
        *(
            Entry(document.kind, project_id, document.id, document)
            for kind in KINDS
            if kind != SESSIONS
            for document in project.page(kind).documents
        ),
    ]


class Scenario:
    """A project in which every operation of the storage has something to do."""

    def __init__(self, case: base.ContractCase):
        self.clock = case.clock
        self.clock.now = BEGINNING
        self.project_id = f'p-{bodies.new_id()}'
        self.scope = Scope(self.project_id)
        self.project = project_operations.Project(case.storage, self.scope)
        #: Another project, whose client of the project's name may be central.
        self.other = Scope(f'{self.project_id}-other')
        #: All that any operation may create or delete.
        self.ids = {
            SESSIONS: 'st',
            JOBS: (*'jklmn', 'new'),
            ACTIONS: 'ab',
            CLIENTS: ('client', self.project_id),
            TRUSTS: ('trust', 'free'),
        }
        if case.storage not in _PREPARED:
            _PREPARED[case.storage] = _prepare(case)
        project_id, entries = _PREPARED[case.storage]
        for kind in KINDS:
            case.storage.restore(
                [self._here(entry, project_id) for entry in entries if entry.kind == kind]
            )
        self.clock.advance(31)

    def _here(self, entry: Entry, project_id: str) -> Entry:
        """An entry of another project, as one of this project."""
        content = dataclasses.replace(entry.content, project_id=self.project_id)
        if isinstance(content, documents.Document):
            content = dataclasses.replace(
                content, body=_renamed(content.body, project_id, self.project_id)
            )
        return dataclasses.replace(entry, project_id=self.project_id, content=content)

    def operations(
        self, storage: typing.Any = None
    ) -> dict[str, collections.abc.Callable[[], typing.Any]]:
        """What can be done, by name, on another storage if one is given."""
        project = project_operations.Project(storage or self.project.storage, self.project.scope)
        fresh = {
            'b': {
                'action_id': 'b',
                'project_id': self.project_id,
                'user_id': 'user',
                'freezer_action': {'action': 'exec'},
                'max_retries': 5,
                'max_retries_interval': 6,
                'mandatory': False,
            }
        }
        new = bodies.job_body(
            'new', self.project_id, job_actions=[bodies.entry('b', {'action': 'exec'})]
        )
        shared = bodies.job_body(
            'new', self.project_id, job_actions=[bodies.entry('a', {'action': 'info'})]
        )

        def reported(job):
            return {**job, 'description': f'{job["description"]}+'}

        def trusted(job):
            return {**job, 'user_credentials': {'trust_id': 'free', 'trustor_user_id': 'user'}}

        def take(current, stored, now):
            if 'a' not in stored:
                raise exceptions.Unprocessable('gone')
            entry = bodies.entry('a', stored['a'].body['freezer_action'])
            return Store({**shared, 'job_actions': [entry]})

        return {
            'attach n': lambda: project.attach('s', 'n'),
            'move j': lambda: project.attach('t', 'j'),
            'detach j': lambda: project.detach('s', 'j'),
            'delete j': lambda: project.delete_job('j'),
            'delete n': lambda: project.delete_job('n'),
            'delete new': lambda: project.delete_job('new'),
            'attach j again': lambda: project.attach('s', 'j'),
            'overtake': lambda: project.start('s', 'j', 1),
            'late end': lambda: project.end('s', 'k', 1),
            'schedule': lambda: project.patch_session('s', schedule={'schedule_hour': '5'}),
            'delete s': lambda: project.delete_session('s'),
            'replace s': lambda: sessions.replace(
                project.storage,
                Caller(self.project_id, 'user'),
                's',
                {'description': 'again', 'schedule': {'schedule_day': '3'}},
            ),
            'client of j': lambda: project.change_job(
                'j', lambda job: {**job, 'client_id': 'other'}
            ),
            'report new': lambda: project.change_job('new', reported),
            'report j': lambda: project.change_job('j', reported),
            'report n': lambda: project.change_job('n', reported),
            'change a': lambda: project.put_action('a', action='exec'),
            'delete a': lambda: project.delete_action('a'),
            'new job': lambda: project.put_job('new', new, fresh),
            'take a': lambda: project.storage.write_job(project.scope, 'new', take, ('a',)).stored,
            'job with taken a': lambda: project.put_job('new', new, {**fresh, 'a': fresh['b']}),
            'centralise': lambda: project.put_client(self.project_id, central=True),
            'give up': lambda: project.put_client(self.project_id),
            'centralise elsewhere': (
                lambda: project_operations.Project(project.storage, self.other).put_client(
                    self.project_id, central=True
                )
            ),
            'trusted': lambda: project.change_job('n', trusted),
            'trusted j': lambda: project.change_job('j', trusted),
            'end free': lambda: project.end_trust('free'),
        }

    def reads(
        self, storage: typing.Any = None
    ) -> dict[str, collections.abc.Callable[[], typing.Any]]:
        """What readers ask for, by name, of another storage if one is given; what they are told is
        the same in like scenarios.
        """
        project = project_operations.Project(storage or self.project.storage, self.project.scope)
        documents = {
            f'{kind} {id}': functools.partial(_got, project, kind, id)
            for kind, id in (
                (SESSIONS, 's'),
                (JOBS, 'j'),
                (JOBS, 'n'),
                (ACTIONS, 'a'),
                (TRUSTS, 'free'),
            )
        }
        lists = {
            f'all {kind}': lambda kind=kind: [
                (one.version, one.body) for one in project.page(kind).documents
            ]
            for kind in (SESSIONS, JOBS)
        }
        asked = {
            **documents,
            **lists,
            'members': lambda: project.ids(JOBS, [{'session_id': 's'}]),
            'later jobs': lambda: project.ids(JOBS, (), [{'job_id': 'j'}], offset=1),
            'second running': lambda: project.ids(
                SESSIONS, [{'status': 'running'}], offset=1, descending=True
            ),
            'runs': lambda: [record.shown('s') for record in project.records('s')],
            'claim': lambda: _parts(project.storage.claimed(CLIENTS, self.project_id)),
        }
        return {name: functools.partial(self._told, read) for name, read in asked.items()}

    def _told(self, read: collections.abc.Callable[[], typing.Any]) -> typing.Any:
        try:
            return _anonymous(read(), self.project_id)
        except REFUSED as error:
            return type(error).__name__


def _parts(document: documents.Document | None) -> Body | None:
    """What a document is made of, in which the names of a scenario can be taken out."""
    return None if document is None else dataclasses.asdict(document)


def outcome(operation: collections.abc.Callable[[], typing.Any]) -> typing.Any:
    """What an operation tells, comparable between scenarios."""
    try:
        result = operation()
    except REFUSED as error:
        return type(error).__name__
    except (exceptions.StorageUnavailable, Killed) as error:
        return error
    return result if isinstance(result, (bool, tuple)) else None


def snapshot(case: base.ContractCase, scenario: Scenario, storage: typing.Any = None) -> Body:
    """All that readers see, the names of the scenario taken out; an ``AssertionError`` where two of
    them disagree.
    """
    project = project_operations.Project(storage or case.make_storage(), scenario.scope)
    project.storage.clock = case.storage.clock
    listed = {
        kind: {one.id: (one.version, one.body) for one in project.page(kind).documents}
        for kind in KINDS
    }
    for kind in (*KINDS, JOBS, SESSIONS):
        for id in {*listed[kind], *scenario.ids[kind]}:
            case.assertEqual(listed[kind].get(id), _got(project, kind, id), (kind, id))
    _agree(case, project, listed)
    other = project_operations.Project(project.storage, scenario.other)
    elsewhere = _got(other, CLIENTS, scenario.project_id)
    case.assertEqual([scenario.project_id] if elsewhere else [], other.ids(CLIENTS))
    claimed = project.storage.claimed(CLIENTS, scenario.project_id)
    case.assertEqual(
        elsewhere is not None and elsewhere[1]['client']['is_central'],
        claimed is not None and claimed.project_id == other.project_id,
    )
    runs = {id: [record.shown(id) for record in project.records(id)] for id in listed[SESSIONS]}
    bodies = {
        kind: {id: body for id, (version, body) in found.items()} for kind, found in listed.items()
    }
    return _anonymous({'runs': runs, **bodies}, scenario.project_id)


def _got(project: project_operations.Project, kind: str, id: str) -> tuple[int, Body] | None:
    try:
        found = project.get(kind, id)
    except exceptions.NotFound:
        return None
    return found.version, found.body


def _agree(
    case: base.ContractCase,
    project: project_operations.Project,
    listed: dict[str, dict[str, tuple[int, Body]]],
) -> None:
    jobs = {id: body for id, (version, body) in listed[JOBS].items()}
    for id, (_version, session) in listed[SESSIONS].items():
        members = {job for job, body in jobs.items() if body['session_id'] == id}
        case.assertEqual(set(session['jobs']), members, 'jobs and members differ')
        case.assertEqual(
            sorted(members),
            sorted(project.ids(JOBS, [{'session_id': id}])),
            'the search finds other members',
        )
        for job in members:
            case.assertEqual(session['jobs'][job]['client_id'], jobs[job]['client_id'])
            timing = {
                key: value
                for key, value in jobs[job]['job_schedule'].items()
                if key.startswith('schedule_')
            }
            case.assertEqual(session['schedule'], timing, 'a member has another schedule')
    case.assertLessEqual({body['session_id'] for body in jobs.values()}, {*listed[SESSIONS], ''})
    others = [id for id in jobs if id != 'j']
    case.assertEqual(
        others[1:],
        project.ids(JOBS, match_not=[{'job_id': 'j'}], offset=1),
        'an offset counts something else',
    )
    for status in ('active', 'running', 'completed'):
        having = {
            id
            for id, (_version, session) in listed[SESSIONS].items()
            if session['status'] == status
        }
        case.assertEqual(having, set(project.ids(SESSIONS, [{'status': status}])), status)
    actions = {id: body['freezer_action'] for id, (version, body) in listed[ACTIONS].items()}
    for job in jobs.values():
        for entry in job['job_actions']:
            case.assertEqual(
                actions.get(entry['action_id']),
                entry['freezer_action'],
                'an action and its copy differ',
            )
        trust = documents.trust(job)
        case.assertTrue(trust is None or trust in listed[TRUSTS], 'a job has a trust that is gone')
    for id, (_version, client) in listed[CLIENTS].items():
        claimed = project.storage.claimed(CLIENTS, id)
        case.assertEqual(
            client['client']['is_central'],
            claimed is not None and claimed.project_id == project.project_id,
        )
    found = search.parse({'match': [{'client_id': 'other'}]}, JOBS, limit=100)
    case.assertEqual(
        {id for id, body in jobs.items() if body['client_id'] == 'other'},
        {document.id for document in project.storage.find(project.scope, JOBS, found).documents},
    )


def _anonymous(value: typing.Any, name: str) -> typing.Any:
    return _renamed(value, name, 'P')


def _renamed(value: typing.Any, name: str, other: str) -> typing.Any:
    """Something with another name wherever a name is in it."""
    if isinstance(value, dict):
        return {
            key.replace(name, other): _renamed(content, name, other)
            for key, content in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_renamed(content, name, other) for content in value]
    return value.replace(name, other) if isinstance(value, str) else value
