"""Situations in which two operations meet, what can be done in them, and what has to hold
afterwards.
"""

import collections.abc
import dataclasses
import typing
import weakref

from freezer_api import exceptions
from freezer_api.db.base import Entry, Storage
from freezer_api.domain import documents, runs, session_state
from freezer_api.domain.documents import JOBS, SESSIONS, Body
from freezer_api.domain.session_state import Session
from freezer_api.services import jobs, sessions
from freezer_api.services.common import Caller
from freezer_api.tests.contract import base, bodies, interleaving

#: Who has started and who has ended in the run 1, and the seconds that have passed since.
SITUATIONS = {
    'never started': ((), (), 0),
    'going on': (('j',), (), 1),
    'lapsed': (('j',), ('j',), 31),
    'to be overtaken': (('j', 'k'), ('k',), 31),
}
HOLD_OFF, OLD, NEW = 30, {'schedule_day': '1'}, {'schedule_hour': '5'}
REFUSED = (exceptions.NotFound, exceptions.InvalidInput, exceptions.Conflict)
BEGINNING = 1_700_000_000 * documents.SECOND
#: What situations begin with, by storage and name.
_PREPARED: weakref.WeakKeyDictionary[Storage, dict[str, list[Entry]]] = weakref.WeakKeyDictionary()


class Scenario:
    """A session ``s`` with the members j and k, another session ``t``, a job n in none, and what
    can be done to them.
    """

    def __init__(self, case: base.ContractCase, situation: str):
        self.clock = case.clock
        self.clock.now = BEGINNING
        self.project = case.in_project(f'p-{bodies.new_id()}')
        started, ended, seconds = SITUATIONS[situation]
        self._arrange(situation)
        self.tag = 1 if started else 0
        self.running = set(started) - set(ended)
        self.stale = self.project.job('j')
        self.clock.advance(seconds)
        self.caller = Caller(self.project.project_id, 'user')
        self.storage: typing.Any = interleaving.SteppedStorage(case.storage)

    def _arrange(self, situation: str) -> None:
        """Bring what a situation begins with into the project: the first time by living, then as it
        was left that time.
        """
        lived = _PREPARED.setdefault(self.project.storage, {})
        if situation not in lived:
            lived[situation] = self._live(*SITUATIONS[situation][:2])
            return
        for kind in (SESSIONS, JOBS):
            self.project.storage.restore(
                [self._here(entry) for entry in lived[situation] if entry.kind == kind]
            )

    def _live(
        self, started: collections.abc.Iterable[str], ended: collections.abc.Iterable[str]
    ) -> list[Entry]:
        for session in 'st':
            self.project.new_session(session, schedule=OLD, hold_off=HOLD_OFF)
        for job in 'jkn':
            self.project.new_job(job, session_id=None if job == 'n' else 's')
        for job in started:
            self.project.start('s', job, 0)
        for job in ended:
            self.project.end('s', job, 1)
        sessions = [
            self.project.decide(
                id, lambda session, now, record: session_state.Keep(session)
            ).session
            for id in 'st'
        ]
        return [
            *(Entry(SESSIONS, '', session.session_id, session) for session in sessions if session),
            *(Entry(JOBS, '', id, self.project.get(JOBS, id)) for id in 'jkn'),
        ]

    def _here(self, entry: Entry) -> Entry:
        project, content = self.project.project_id, entry.content
        if isinstance(content, documents.Document):
            return Entry(
                entry.kind,
                project,
                entry.id,
                dataclasses.replace(
                    content, project_id=project, body={**content.body, 'project_id': project}
                ),
            )
        return Entry(
            entry.kind, project, entry.id, dataclasses.replace(content, project_id=project)
        )

    def operations(self) -> dict[str, interleaving.Operation]:
        """What can be done, by name."""
        at = (self.storage, self.caller)
        return {
            'attach n': lambda: sessions.attach(*at, 's', 'n'),
            'move j': lambda: sessions.attach(*at, 't', 'j'),
            'detach j': lambda: sessions.detach(*at, 's', 'j'),
            'start j': lambda: self.act('start', 'j', self.tag),
            'retry j': lambda: self.act('start', 'j', max(0, self.tag - 1)),
            'start k': lambda: self.act('start', 'k', self.tag),
            'end j': lambda: self.act('end', 'j', self.tag),
            'end k': lambda: self.act('end', 'k', self.tag),
            'delete s': lambda: sessions.delete(*at, 's'),
            'patch schedule': lambda: sessions.update(*at, 's', {'schedule': NEW}),
            'patch tag': lambda: sessions.update(*at, 's', {'session_tag': 9}),
            'delete j': lambda: jobs.delete(*at, 'j'),
            'report j': self._report,
        }

    def act(self, name: str, job: str, tag: int) -> Body:
        """A job reports its start or end."""
        result = {} if name == 'start' else {'result': 'success' if job == 'j' else 'fail'}
        return sessions.act(
            self.storage, self.caller, 's', {name: {'job_id': job, 'current_tag': tag, **result}}
        )

    def _report(self) -> object:
        """The agent's copy of j, from before all that, and what the agent has done since."""
        schedule = {
            **self.stale['job_schedule'],
            'status': 'running',
            'time_started': 5,
            'current_pid': 7,
        }
        copy = {
            'job_schedule': schedule,
            'session_id': self.stale['session_id'],
            'session_tag': self.stale['session_tag'],
        }
        return jobs.update(self.storage, self.caller, 'j', copy)


class RacyScenario(Scenario):
    """Reads a session in one call and stores what comes of it in another, as if nobody else were
    there.
    """

    def act(self, name: str, job: str, tag: int) -> Body:
        """A job reports its start or end."""
        read: list[Session] = []
        self.storage.write_session(
            self.project.scope,
            's',
            lambda session, now, record: read.append(session) or session_state.Keep(session),
        )
        stale = read[-1]
        outcome = (
            runs.start(stale, job, tag, self.clock())
            if name == 'start'
            else runs.end(stale, job, tag, 'fail', self.clock(), None)
        )
        self.storage.write_session(self.project.scope, 's', lambda session, now, record: outcome)
        return outcome.answer


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """All that is stored in a scenario, but for what makes one scenario differ from another."""

    sessions: dict[str, Body]
    jobs: dict[str, Body]
    runs: dict[str, list[Body]]
    versions: dict[tuple[str, str], int]

    @classmethod
    def of(cls, scenario: Scenario) -> 'State':
        """What is stored now."""
        found = {kind: scenario.project.page(kind).documents for kind in (SESSIONS, JOBS)}
        bodies = {
            kind: {
                document.id: {
                    key: value for key, value in document.body.items() if key != 'project_id'
                }
                for document in page
            }
            for kind, page in found.items()
        }
        records = {
            id: [record.shown(id) for record in scenario.project.records(id)]
            for id in bodies[SESSIONS]
        }
        return cls(
            bodies[SESSIONS],
            bodies[JOBS],
            records,
            {
                (kind, document.id): document.version
                for kind, page in found.items()
                for document in page
            },
        )


def check_agreement(state: State, now: int) -> None:
    """Jobs and sessions name each other and agree, and no run is kept going or cut short."""
    for id, session in state.sessions.items():
        members = {job: body for job, body in state.jobs.items() if body['session_id'] == id}
        assert set(session['jobs']) == set(members), 'jobs and members differ'
        for job in members.values():
            timing = {
                key: value
                for key, value in job['job_schedule'].items()
                if key.startswith('schedule_')
            }
            assert timing == session['schedule'], 'a member has another schedule'
            assert job['session_tag'] <= session['session_tag'], 'a member is ahead of its session'
        for record in state.runs[id][:1]:
            shown = {entry['status'] for entry in record['jobs'].values()}
            joinable = (
                'scheduled' in shown and now <= (record['time_start'] + HOLD_OFF) * documents.SECOND
            )
            assert record['status'] == (
                'running' if 'running' in shown or joinable else 'completed'
            ), 'a run that should be over'
            assert all(
                record[key] == session[key]
                for key in ('status', 'result', 'time_start', 'time_end')
            ), 'run and session differ'
            assert all(session['jobs'][job] == entry for job, entry in record['jobs'].items()), (
                'a record of its own'
            )
    assert {job['session_id'] for job in state.jobs.values()} <= {
        *state.sessions,
        '',
    }, 'a job in a session that is gone'


def check_answer(scenario: Scenario, state: State, name: str, result: typing.Any) -> None:
    """What an operation was told is in the documents, unless the other has taken it away."""
    act, _, what = name.partition(' ')
    session, job = state.sessions.get('s'), state.jobs.get(what)
    if isinstance(result, Exception):
        assert isinstance(result, REFUSED), repr(result)
    elif act == 'delete':
        assert what not in state.sessions and what not in state.jobs, 'it is still there'
    elif act == 'report' and job:
        assert [job['job_schedule'][key] for key in ('status', 'time_started')] == [
            'running',
            5,
        ], 'the report is lost'
    elif name == 'patch schedule' and session:
        assert session['schedule'] == NEW, 'the schedule is lost'
    elif name == 'patch tag' and session:
        assert session['session_tag'] >= 9, 'the tag is lost'
    elif act in ('start', 'retry', 'end') and session:
        records = {record['session_tag']: record['jobs'] for record in state.runs['s']}
        if act != 'end' and result['result'] == 'success':
            joined = records.get(result['session_tag'])
            assert joined is not None and joined.get(what, {}).get('status') != 'scheduled', (
                'the start is lost'
            )
        if act == 'end' and what in scenario.running:
            assert records[scenario.tag].get(what, {}).get('status') in (
                None,
                'completed',
            ), 'the end is lost'
