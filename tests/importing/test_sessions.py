"""What becomes of the published service's sessions: their members and their runs."""

import dataclasses

from freezer_api.domain import run_state
from freezer_api.domain.documents import JOBS, SESSIONS
from freezer_api.domain.session_state import Member
from freezer_api.importing import sessions
from freezer_api.importing.notes import Notes
from freezer_api.importing.sessions import Link
from tests.importing.base import NOW, SECOND, ImportTest
from tests.importing.published import BEGIN_SECONDS, OTHER_PROJECT, member

START = BEGIN_SECONDS + 100
RUN = {'session_tag': 1, 'time_start': START, 'status': 'running'}


def done(result: str = 'success', began: int = START, ended: int = START + 5) -> dict[str, object]:
    """An entry of a member that has completed."""
    return member('completed', result=result, time_started=began, time_ended=ended)


class SessionTest(ImportTest):
    def session(self, entries: object, **given: object) -> dict:
        """The document that a session's row becomes; all members' jobs name it."""
        origin = self.database()
        origin.add('sessions', 's', job=entries, **given)
        for id in entries if isinstance(entries, dict) else ():
            origin.add_job(id, 'act', session_id='s')
        self.storage = self.imported(origin)
        return self.body(self.storage, SESSIONS, 's')


class TestRuns(SessionTest):
    def test_no_run(self):
        for job in (None, b'null', {}):
            shown = self.session(job, status=None, result=None)
            self.assertEqual(
                ('active', '', 0, {}),
                (shown['status'], shown['result'], shown['session_tag'], shown['jobs']),
            )

    def test_success_and_fail(self):
        for result, other in (('success', 'success'), ('fail', 'success')):
            shown = self.session(
                {'a': done(result), 'b': done(other)},
                **{**RUN, 'status': 'completed', 'result': result, 'time_end': START + 6},
            )
            self.assertEqual(
                ('completed', result, START, START + 6),
                (shown['status'], shown['result'], shown['time_started'], shown['time_ended']),
            )
            self.assertEqual(2, len(shown['jobs']))
            # The job's tag is the run's, in which it took part.
            self.assertEqual(1, self.body(self.storage, JOBS, 'a')['session_tag'])

    def test_still_running(self):
        shown = self.session(
            {'a': done(), 'b': member('running', time_started=START)}, hold_off=86400, **RUN
        )
        self.assertEqual(('running', -1), (shown['status'], shown['time_end']))
        self.assertEqual('running', shown['jobs']['b']['status'])
        self.assertEqual([], self.notes)

    def test_running_for_ever_is_settled(self):
        """All members have completed, and nobody noticed."""
        early = done(began=START - 92, ended=START - 82)
        shown = self.session({'a': early, 'b': early}, **RUN)
        self.assertEqual(('completed', 'success'), (shown['status'], shown['result']))
        self.assertEqual(START, shown['time_end'])
        self.assertEqual(['run-settled'], self.rules('s'))

    def test_one_never_came(self):
        shown = self.session({'a': done(), 'b': member()}, hold_off=1, **RUN)
        self.assertEqual(('completed', 'fail'), (shown['status'], shown['result']))

    def test_ends_of_the_run_before(self):
        """A start resets neither the session's end nor an entry's."""
        shown = self.session(
            {
                'again': member('running', time_started=START, time_ended=START - 2),
                'late': done(began=START - 9, ended=START - 5),
            },
            **{**RUN, 'session_tag': 2, 'time_end': START - 2, 'hold_off': 86400},
        )
        self.assertEqual(('running', -1), (shown['status'], shown['time_end']))
        self.assertEqual(-1, shown['jobs']['again']['time_ended'])
        late = shown['jobs']['late']
        self.assertEqual(member('scheduled'), late)

    def test_times_that_are_texts(self):
        shown = self.session({'a': member(time_started='', time_ended='')})
        self.assertEqual(member('scheduled'), shown['jobs']['a'])

    def test_run_without_members(self):
        shown = self.session(
            None, **{**RUN, 'session_tag': 5, 'status': 'completed', 'result': 'success'}
        )
        self.assertEqual(
            (5, 'completed', 'success'),
            tuple(shown[key] for key in ('session_tag', 'status', 'result')),
        )

    def test_tag_below_zero(self):
        shown = self.session(None, session_tag=-1)
        self.assertEqual(0, shown['session_tag'])
        self.assertEqual(['tag-repaired'], self.rules('s'))

    def test_running_without_a_start(self):
        shown = self.session({'a': member('running')}, session_tag=3, status='running')
        self.assertEqual(('active', 'scheduled'), (shown['status'], shown['jobs']['a']['status']))
        self.assertEqual(['run-unknown'], self.rules('s'))

    def test_open_window_lapses_later(self):
        """The run that is kept is the one that the service would have."""
        row = {
            'id': 's',
            'project_id': 'p',
            'user_id': 'u',
            'description': None,
            'hold_off': 60,
            'schedule': b'{}',
            'job': b'{"j": {"status": "", "client_id": "x"}}',
            'result': '',
            'time_end': -1,
            'created_at': None,
            **RUN,
        }
        links = {'j': Link('p', 's', 'web1')}
        during = (START + 60) * SECOND
        session = sessions.convert(row, links, during, Notes(SESSIONS, 'p', 's'))
        self.assertEqual({'j': Member('web1', counted=True)}, session.members)
        self.assertEqual(during, session.settle_at)
        later = sessions.convert(row, links, NOW, Notes(SESSIONS, 'p', 's'))
        self.assertEqual(later, dataclasses.replace(run_state.lapse(session, NOW), version=1))
        self.assertEqual('fail', later.run.result)


class TestMembers(ImportTest):
    def test_job_is_gone(self):
        origin = self.database()
        origin.add('sessions', 's', job={'gone': member('running', time_started=START)}, **RUN)
        origin.add_job('gone', 'act', session_id='s', deleted=1)
        storage = self.imported(origin)
        shown = self.body(storage, SESSIONS, 's')
        self.assertEqual({}, shown['jobs'])
        self.assertEqual(('completed', 'fail'), (shown['status'], shown['result']))
        self.assertEqual(['member-gone', 'run-settled'], self.rules('s'))

    def test_job_of_two_sessions(self):
        origin = self.database()
        for id in ('one', 'two'):
            origin.add('sessions', id, job={'j': member()})
        origin.add_job('j', 'act', session_id='two')
        storage = self.imported(origin)
        self.assertEqual({}, self.body(storage, SESSIONS, 'one')['jobs'])
        self.assertEqual(['j'], list(self.body(storage, SESSIONS, 'two')['jobs']))
        self.assertEqual(['member-elsewhere'], self.rules('one'))

    def test_job_that_is_not_listed(self):
        origin = self.database()
        origin.add('sessions', 's', job=None, schedule={'schedule_hour': '4', 'event': 'start'})
        origin.add_job('j', 'act', session_id='s', session_tag=7)
        storage = self.imported(origin)
        self.assertEqual(['j'], list(self.body(storage, SESSIONS, 's')['jobs']))
        job = self.body(storage, JOBS, 'j')
        schedule = job['job_schedule']
        self.assertEqual(('4', ''), (schedule['schedule_hour'], schedule['event']))
        self.assertNotIn('schedule_interval', schedule)
        self.assertEqual(0, job['session_tag'])
        self.assertEqual(['member-added'], self.rules('s'))
        self.assertEqual(['schedule-of-session', 'tag-repaired'], self.rules('j'))

    def test_session_is_gone(self):
        """Deleted, of another project, or never there."""
        origin = self.database()
        origin.add('sessions', 'deleted', deleted=1, job={'a': member()})
        origin.add('sessions', 'foreign', project_id=OTHER_PROJECT, job={'b': member()})
        for id, session_id in (('a', 'deleted'), ('b', 'foreign'), ('c', 'never')):
            origin.add_job(id, 'act', session_id=session_id, session_tag=3)
        origin.add_job('bare', 'act', session_id='never', schedule={})
        storage = self.imported(origin)
        for id in 'abc':
            job = self.body(storage, JOBS, id)
            self.assertEqual(('', 0), (job['session_id'], job['session_tag']))
            self.assertEqual('1 days', job['job_schedule']['schedule_interval'])
            self.assertEqual(['session-gone'], self.rules(id))
        self.assertEqual('stop', self.body(storage, JOBS, 'bare')['job_schedule']['event'])
        self.assertEqual(['member-gone'], self.rules('foreign'))
