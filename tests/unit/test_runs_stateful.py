"""Random histories of two sessions: what was answered stays true, and every run comes to its
end.
"""

import collections
import contextlib

import hypothesis
from hypothesis import stateful, strategies

import tests.base
from freezer_api import exceptions
from freezer_api.domain import (
    documents,
    membership,
    run_state,
    runs,
    search_pairs,
    session_index,
    session_state,
    sessions,
)
from freezer_api.domain.session_state import COMPLETED, RUNNING, SCHEDULED, Session

tests.base.explore()

JOBS = strategies.sampled_from([f'j{number}' for number in range(5)])
SESSIONS = strategies.sampled_from(['s', 's', 't'])
BACK = strategies.integers(0, 3)
T0 = 1_700_000_000 * documents.SECOND
#: Half of its period is 60 seconds: sometimes more, sometimes less than passes between starts.
SCHEDULE = {'schedule_interval': '2 minutes'}


def _transitions(before, after, records):
    """The names of what happens between two states of a session."""
    if after.tag > before.tag and after.run == before.run:
        yield 'raised'
    if before.run and any(record.tag < before.run.tag for record in records):
        yield 'ended late'
    if before.run and before.run.status == RUNNING:
        if after.run.tag > before.run.tag:
            yield 'overtaken'
        elif after.run.status == COMPLETED:
            yield f'over, {after.run.result}'
    elif before.run and after.run.tag == before.run.tag and after.run.status == RUNNING:
        yield 'opened again'


def _searched(session):
    """All that a search of a session looks at."""
    body = session.body()
    return search_pairs.index_pairs(documents.SESSIONS, body), search_pairs.folded_text(
        documents.SESSIONS, body
    )


class Histories(stateful.RuleBasedStateMachine):
    """Members attach, move, leave, start, retry, end, end late or never, while time passes and tags
    are raised.

    ``acknowledged`` is what the answers alone tell: for each run, who has started it and how they
    ended.
    """

    reached: collections.Counter = collections.Counter()

    def __init__(self):
        super().__init__()
        self.now = T0
        self.sessions = {
            's': Session('p', 's', 'u', hold_off=30, created=T0, schedule=SCHEDULE),
            't': Session('p', 't', 'u', hold_off=30, created=T0),
        }
        self.records = {'s': {}, 't': {}}
        self.jobs = {
            f'j{n}': {
                'job_id': f'j{n}',
                'client_id': 'c',
                'session_id': '',
                'session_tag': 0,
                'job_schedule': {},
            }
            for n in range(5)
        }
        self.acknowledged = collections.defaultdict(dict)
        for job in ('j0', 'j1', 'j2'):
            self._attach(job, 's')

    def _held(self, id):
        self._store(run_state.lapse(self.sessions[id], self.now))
        return self.sessions[id]

    def _store(self, session, records=()):
        before = self.sessions[session.session_id]
        assert session.tag >= before.tag
        self.reached.update(_transitions(before, session, records))
        if session != before and session_index.has_same_index(before, session):
            self.reached['found alike'] += 1
            assert _searched(before) == _searched(session)
        if (
            before.run
            and session.run
            and before.run.tag == session.run.tag
            and before.run.status == RUNNING
        ):
            self._check_result(session)
        if before.run and session.run and before.run.tag != session.run.tag:
            assert before.run.tag in [record.tag for record in records], (
                'a run went without a record'
            )
        self.sessions[session.session_id] = session
        self.records[session.session_id].update((record.tag, record) for record in records)

    def _check_result(self, session):
        counted = [member.result for member in session.members.values() if member.counted]
        if session.run.status == COMPLETED:
            assert session.run.result == ('success' if set(counted) == {'success'} else 'fail')

    def _leave(self, job):
        session_id = self.jobs[job]['session_id']
        if session_id:
            session = self._held(session_id)
            if session.run:
                self.acknowledged[session_id, session.run.tag].pop(job, None)
            self._store(run_state.left(session, job, self.now))

    @stateful.rule(job=JOBS, id=SESSIONS)
    def attach(self, job, id):
        self._attach(job, id)

    def _attach(self, job, id):
        if self.jobs[job]['session_id'] != id:
            self._leave(job)
        session, self.jobs[job] = membership.attach(self._held(id), self.jobs[job])
        self._store(session)

    @stateful.rule(job=JOBS)
    def detach(self, job):
        self._leave(job)
        self.jobs[job] = membership.detach(self.jobs[job])

    @stateful.rule(job=JOBS, back=BACK)
    def start(self, job, back):
        self._start(job, back)

    @stateful.rule(id=SESSIONS, back=BACK)
    def all_start(self, id, back):
        for job in self.sessions[id].members:
            self._start(job, back)

    @stateful.rule(job=JOBS)
    def overtake(self, job):
        """What chance alone brings about too seldom: a run whose members are running when the next
        one begins.
        """
        self.all_start('s', 0)
        self.time_passes(90)
        self._start(job, 0)

    @stateful.rule(job=JOBS)
    def come_after_the_end(self, job):
        """Likewise: a member that joins a run that was over."""
        self.all_start('s', 0)
        self.all_but_one_end('s', '')
        self._attach(job, 's')
        self._start(job, 1)

    def _start(self, job, back):
        id = self.jobs[job]['session_id']
        if not id:
            with contextlib.suppress(exceptions.InvalidInput):
                runs.start(self._held('s'), job, 0, self.now)
                raise AssertionError('a job that is no member has started')
            return
        session = self._held(id)
        tag = max(0, session.tag - back)
        outcome = runs.start(session, job, tag, self.now)
        self._check_round(session, tag, outcome)
        self._store(outcome.session, outcome.records)
        assert outcome.answer['session_tag'] == self.sessions[id].tag
        for follower in outcome.followers:
            self.jobs[follower] = outcome.follow(self.jobs[follower])
        if outcome.answer['result'] == 'success':
            self.acknowledged[id, outcome.answer['session_tag']].setdefault(job, (RUNNING, ''))
            assert self.jobs[job]['session_tag'] == outcome.answer['session_tag']
            assert self.sessions[id].members[job].status != SCHEDULED

    def _check_round(self, session, tag, outcome):
        """One that is behind opens a run where the next round is nearer than the last start."""
        if tag < session.tag < outcome.session.tag:
            self.reached['next round'] += 1
            assert session.schedule
            assert session.run is None or self.now - session.run.started >= 60 * documents.SECOND
        elif outcome.answer['result'] == 'out-of-sync':
            assert not session.schedule or self.now - session.run.started < 60 * documents.SECOND

    @stateful.rule(
        job=JOBS,
        id=SESSIONS,
        back=strategies.none() | BACK,
        result=strategies.sampled_from(session_state.RESULTS),
    )
    def end(self, job, id, back, result):
        self._end(job, id, back, result)

    @stateful.rule(job=JOBS, result=strategies.sampled_from(session_state.RESULTS))
    def end_late(self, job, result):
        self._end(job, 's', 1, result)

    @stateful.rule(id=SESSIONS, but=JOBS)
    def all_but_one_end(self, id, but):
        for job in self.sessions[id].members:
            if job != but:
                self._end(job, id, 0, 'success')

    def _end(self, job, id, back, result):
        session = self._held(id)
        tag = None if back is None else max(0, session.tag - back)
        outcome = runs.end(session, job, tag, result, self.now, self.records[id].get(tag))
        self._store(outcome.session, outcome.records)
        assert outcome.answer == {'result': 'success', 'session_tag': self.sessions[id].tag}
        said = self.acknowledged[id, session.tag if tag is None else tag]
        if said.get(job) == (RUNNING, ''):
            said[job] = (COMPLETED, result)

    @stateful.rule(id=SESSIONS, by=strategies.integers(-1, 4))
    def raise_tag(self, id, by):
        session = self._held(id)
        try:
            patched = sessions.patch(session, {'session_tag': max(0, session.tag + by)})
        except exceptions.Conflict:
            assert session.run.status == RUNNING and by > 0
            return
        assert patched.tag == max(session.tag, session.tag + by)
        self._store(patched)
        for job in patched.members:
            self.jobs[job] = {**self.jobs[job], 'session_tag': patched.tag}

    @stateful.rule(id=SESSIONS, hold_off=strategies.sampled_from((0, 5, 30)))
    def change_hold_off(self, id, hold_off):
        self._store(sessions.patch(self._held(id), {'hold_off': hold_off}))

    @stateful.rule(seconds=strategies.sampled_from((0.001, 1, 5, 29, 30, 31, 90, -0.5, -20)))
    def time_passes(self, seconds):
        self.now += int(seconds * documents.SECOND)

    @stateful.invariant()
    def no_run_is_kept_going(self):
        for session in self.sessions.values():
            session = run_state.lapse(session, self.now)
            counted = [member.status for member in session.members.values() if member.counted]
            if session.run and session.run.status == RUNNING:
                assert RUNNING in counted or (
                    SCHEDULED in counted and self.now <= session.run.window_end
                )
                assert session.run.tag == session.tag
            else:
                assert RUNNING not in counted

    @stateful.invariant()
    def members_and_jobs_agree(self):
        for id, session in self.sessions.items():
            assert set(session.members) == {
                job for job, body in self.jobs.items() if body['session_id'] == id
            }
            assert all(self.jobs[job]['session_tag'] <= session.tag for job in session.members)

    @stateful.invariant()
    def records_agree_with_the_answers(self):
        for id, session in self.sessions.items():
            current = run_state.current(session)
            known = {**self.records[id], **({current.tag: current} if current else {})}
            assert {
                tag for (owner, tag), said in self.acknowledged.items() if owner == id and said
            } <= set(known)
            for tag, record in known.items():
                shown = {
                    job: (entry['status'], entry['result']) for job, entry in record.jobs.items()
                }
                assert {
                    job: entry for job, entry in shown.items() if entry[0] != SCHEDULED
                } == self.acknowledged[id, tag]
                if record is not current:
                    assert record.status == COMPLETED and tag < session.run.tag

    @stateful.invariant()
    def a_record_whose_members_have_all_succeeded_is_a_success(self):
        for records in self.records.values():
            for record in records.values():
                if record.result == 'success':
                    assert {entry['status'] for entry in record.jobs.values()} <= {COMPLETED}


class RandomHistories(Histories.TestCase):
    """They must get to the rare states too, or they would prove little."""

    settings = hypothesis.settings(max_examples=max(200, hypothesis.settings.default.max_examples))

    def runTest(self):
        Histories.reached.clear()
        super().runTest()
        self.assertLessEqual(
            {
                'overtaken',
                'opened again',
                'over, success',
                'over, fail',
                'ended late',
                'raised',
                'found alike',
                'next round',
            },
            set(Histories.reached),
        )
