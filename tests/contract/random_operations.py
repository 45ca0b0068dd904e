"""Random operations of several processes on a few documents, whose requests go wrong now and then;
and what has to hold.

Each thread has a job of its own, and knows after each operation what may have become of it: one
thing if it was told, what was before or what was to be if not. All else is changed by everybody.
What changes meanwhile is compared with what else was read between two readings that are the same:
then it has been so all the time.
"""

import collections.abc
import contextlib
import pathlib
import random
import threading
import traceback
import typing

import orjson

from freezer_api import db, exceptions
from freezer_api.db.base import Scope, Store
from freezer_api.db.elasticsearch.commits import outcomes
from freezer_api.domain import session_state, sessions
from freezer_api.domain.documents import ACTIONS, CLIENTS, JOBS, SESSIONS, TRUSTS, Body, Document
from freezer_api.domain.session_state import Outcome, Record, Session
from freezer_api.tests.contract import base, bodies, project_operations
from tests.contract import faults, interception

THREADS = 3
#: How many of a thousand requests go wrong in each way.
KILLED, LOST, REPEATED = 15, 25, 15
RESULTS = ('success', 'fail', 'aborted')


class Broken(BaseException):
    """The operation has ended where it was, as in a process that was killed."""


class Fragile:
    """Stands between a storage and Elasticsearch, and lets requests go wrong as the thread's dice
    fall.
    """

    def __init__(self, storage: typing.Any):
        self.dice = threading.local()
        interception.intercept(storage, self._answer)

    def _answer(self, request: interception.Request) -> typing.Any:
        chance = self.dice.random.randrange(1000)
        if chance < KILLED:
            raise Broken
        answer = request()
        if chance < KILLED + LOST:
            raise Broken
        if chance < KILLED + LOST + REPEATED:
            return request()
        return answer


class Place:
    """What the operations are about, in two projects; all that :func:`faults.snapshot` looks at."""

    def __init__(self, project_id: str, jobs: collections.abc.Sequence[str]):
        self.project_id = project_id
        self.scope, self.other = Scope(project_id), Scope(f'{project_id}-other')
        self.jobs = list(jobs)
        self.ids = {
            SESSIONS: 'st',
            JOBS: self.jobs,
            ACTIONS: 'a',
            CLIENTS: (project_id,),
            TRUSTS: ('trust', 'free'),
        }

    def arrange(self, project: project_operations.Project) -> None:
        """Make what isn't made by the operations."""
        project.put_action('a', action='info')
        project.put_trust('trust')
        for session in 'st':
            project.new_session(session, schedule={'schedule_day': '1'}, hold_off=1)


class Worker:
    """A thread of a process: it has a job, and a file that outlives it, of what may be true of the
    job.
    """

    def __init__(
        self, place: Place, storage: typing.Any, job: str, folder: pathlib.Path, dice: random.Random
    ):
        self.place, self.job, self.dice = place, job, dice
        self.project = project_operations.Project(storage, place.scope)
        self._file = folder / job
        #: By name, all that may be: the description (None: there is no job), the session, and what
        #: it has done in which run.
        self.may: dict[str, list[typing.Any]] = {
            'description': [None],
            'session': [''],
            'run': [None],
        }
        if self._file.exists():
            self.may = orjson.loads(self._file.read_bytes().splitlines()[-1])

    # What it does

    def step(self) -> None:
        """Do something, and look."""
        acts = (
            *[self._report] * 4,
            *[self._attach] * 4,
            self._detach,
            *[self._start] * 3,
            *[self._end] * 3,
            self._delete,
            *[self._change_something] * 6,
        )
        with contextlib.suppress(Broken, exceptions.StorageUnavailable, *faults.REFUSED):
            self.dice.choice(acts)()
        with contextlib.suppress(Broken, exceptions.StorageUnavailable):
            self.check()
            self._look()
            self._look_at_claims()

    def _change_something(self) -> None:
        session, day = self.dice.choice('st'), str(self.dice.randrange(1, 28))
        other = project_operations.Project(self.project.storage, self.place.other)
        self.dice.choice(
            (
                lambda: self.project.patch_session(session, schedule={'schedule_day': day}),
                lambda: self.project.put_action(
                    'a', action=self.dice.choice(('info', 'exec', 'backup'))
                ),
                lambda: self.project.put_trust('free'),
                lambda: self.project.end_trust('free'),
                lambda: self.project.put_client(
                    self.place.project_id, central=self.dice.random() < 0.6
                ),
                lambda: other.put_client(self.place.project_id, central=self.dice.random() < 0.6),
                lambda: self.project.change_job(
                    self.dice.choice(self.place.jobs),
                    lambda job: {**job, 'client_id': f'client {day}'},
                ),
                lambda: self.project.delete_session('t'),
                self._make_session,
            )
        )()

    def _report(self) -> None:
        description = f'{self.dice.getrandbits(64)}'
        if self.may['description'] == [None]:
            self._do(lambda: self._create(description), description=description)
        else:
            trust = {'trust_id': self.dice.choice(('trust', 'free')), 'trustor_user_id': 'user'}
            self._do(
                lambda: self.project.change_job(
                    self.job,
                    lambda job: {**job, 'description': description, 'user_credentials': trust},
                ),
                description=description,
            )

    def _create(self, description: str) -> None:
        """Make the job, with the action as it is then; a job that is there stays where it is."""

        def change(
            current: Document | None, stored: collections.abc.Mapping[str, Document], now: int
        ) -> Store:
            body = bodies.job_body(
                self.job,
                self.place.project_id,
                description=description,
                job_actions=[bodies.entry('a', stored['a'].body['freezer_action'])],
            )
            return Store(
                {
                    **body,
                    **{
                        key: current.body[key]
                        for key in ('session_id', 'session_tag', 'job_schedule')
                    },
                }
                if current
                else body
            )

        self.project.storage.write_job(self.place.scope, self.job, change, ('a',))

    def _make_session(self) -> None:
        """Make the session that some delete."""

        def decision(session: Session | None, now: int, record: Record | None) -> Outcome:
            if session is not None:
                return session_state.Keep(session)
            body = {'schedule': {}, 'hold_off': 1}
            new = sessions.create(self.place.project_id, 't', 'user', body, now)
            return session_state.Store(new)

        self.project.storage.write_session(self.place.scope, 't', decision)

    def _attach(self) -> None:
        session = self.dice.choice('sst')
        self._do(
            lambda: self.project.attach(session, self.job),
            session=session,
            **self._same_run(session),
        )

    def _same_run(self, session: str) -> dict[str, typing.Any]:
        return {} if self.may['session'] == [session] else {'run': None}

    def _detach(self) -> None:
        (session,) = self.may['session'] if len(self.may['session']) == 1 else 's'
        self._do(lambda: self.project.detach(session or 's', self.job), session='', run=None)

    def _delete(self) -> None:
        self._do(lambda: self.project.delete_job(self.job), description=None, session='', run=None)

    def _start(self) -> None:
        if self.may['session'] == ['s']:
            result, tag = self.project.start(
                's', self.job, self.project.job(self.job)['session_tag']
            )
            if result == 'success':
                self._now(run=[tag, ''])

    def _end(self) -> None:
        if self.may['session'] == ['s'] and len(self.may['run']) == 1 and self.may['run'][0]:
            tag = self.may['run'][0][0]
            self._do(
                lambda: self.project.end('s', self.job, tag, RESULTS[tag % 3]),
                run=[tag, RESULTS[tag % 3]],
            )

    def _do(self, operation: collections.abc.Callable[[], typing.Any], **then: typing.Any) -> None:
        """Do what makes this true; if it isn't known whether it was done, either may be."""
        before = self.may
        self._write({**before, **{name: [*before[name], value] for name, value in then.items()}})
        try:
            operation()
        except faults.REFUSED:
            self._write(before)
            raise
        self._now(**then)

    def _now(self, **values: typing.Any) -> None:
        self._write({**self.may, **{name: [value] for name, value in values.items()}})

    def _write(self, may: dict[str, list[typing.Any]]) -> None:
        """What a killed process has begun is known, and what it was told."""
        self.may = may
        with self._file.open('ab', buffering=0) as file:
            file.write(orjson.dumps(may, option=orjson.OPT_APPEND_NEWLINE))

    # What has to hold

    def check(self) -> None:
        """The job is what it may be, and from now on what it is."""
        found = _read(self.project, JOBS, self.job)
        body = found.body if found else {'description': None, 'session_id': ''}
        assert body['description'] in self.may['description'], f'{body} where may be {self.may}'
        # Whoever deletes a session takes its jobs out.
        left = [''] if 't' in self.may['session'] else []
        assert body['session_id'] in [
            *self.may['session'],
            *left,
        ], f'{body} where may be {self.may}'
        self._now(description=body['description'], session=body['session_id'])
        run = self.may['run'][0]
        if body['session_id'] == 's' and len(self.may['run']) == 1 and run:
            entry = self.project.storage.run(self.place.scope, 's', run[0]).jobs.get(
                self.job, {'status': 'absent'}
            )
            assert (
                entry['status'] == 'completed' and entry['result'] == run[1]
                if run[1]
                else entry['status'] in ('running', 'completed')
            ), f'{entry} in the run where may be {self.may}'

    def _look(self) -> None:
        """Whatever job has stayed the same, has been what else was read meanwhile."""
        id, session_id = self.dice.choice(self.place.jobs), self.dice.choice('st')
        before = _read(self.project, JOBS, id)
        session = _read(self.project, SESSIONS, session_id)
        members = self.project.ids(JOBS, [{'session_id': session_id}])
        action, trusts = _read(self.project, ACTIONS, 'a'), self.project.ids(TRUSTS)
        if before is None or before != _read(self.project, JOBS, id):
            return
        body, shown = before.body, session.body if session else {'jobs': {}}
        is_in = body['session_id'] == session_id
        assert (id in shown['jobs']) == (id in members) == is_in, (
            f'{id} of {session_id}: {body}, {shown}, {members}'
        )
        if is_in:
            _assert_follows(id, body, shown)
        for entry in body['job_actions']:
            assert (
                action is not None and entry['freezer_action'] == action.body['freezer_action']
            ), f'{body}, {action}'
        trust = body.get('user_credentials') or {}
        assert trust.get('trust_id', 'trust') in trusts, f'{body}, {trusts}'

    def _look_at_claims(self) -> None:
        """Whatever client has stayed the same, is the one that all see, if it is central."""
        project = project_operations.Project(
            self.project.storage, self.dice.choice((self.place.scope, self.place.other))
        )
        before = _read(project, CLIENTS, self.place.project_id)
        claimed = project.storage.claimed(CLIENTS, self.place.project_id)
        if before is not None and before == _read(project, CLIENTS, self.place.project_id):
            central = before.body['client']['is_central']
            assert central == (claimed is not None and claimed.project_id == project.project_id), (
                f'{before}, {claimed}'
            )


def _read(project: project_operations.Project, kind: str, id: str) -> Document | None:
    try:
        return project.get(kind, id)
    except exceptions.NotFound:
        return None


def _assert_follows(id: str, job: Body, session: Body) -> None:
    timing = {
        key: value for key, value in job['job_schedule'].items() if key.startswith('schedule_')
    }
    assert timing == session['schedule'], f'{job}, {session}'
    assert session['jobs'][id]['client_id'] == job['client_id'], f'{job}, {session}'


def run_workers(
    options: base.Options,
    place: Place,
    jobs: list[str],
    folder: str,
    seed: str,
    steps: int,
    tell: typing.Any,
) -> None:
    """A process: a thread for each of the jobs, so many steps each. It tells of every step, and of
    what doesn't hold.
    """
    outcomes.LOCK_TIMEOUT = 0.0
    storage = db.load(base.configured(options))
    fragile = Fragile(storage)

    def thread(job: str) -> None:
        fragile.dice.random = random.Random(f'{seed} {job} requests')
        one = Worker(place, storage, job, pathlib.Path(folder), random.Random(f'{seed} {job}'))
        try:
            for _ in range(steps):
                one.step()
                tell.put('')
        except BaseException as error:
            tell.put(f'seed {seed}, job {job}: {"".join(traceback.format_exception(error))}')

    threads = [threading.Thread(target=thread, args=(job,)) for job in jobs]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    storage.close()
