"""What no healthy store has: told, repaired by rules, and then no more."""

import collections

from freezer_api import exceptions
from freezer_api.db import doctor, verifying
from freezer_api.db.base import Entry
from freezer_api.domain.documents import ACTIONS, CLIENTS, JOBS, SESSIONS, TRUSTS, Document
from freezer_api.domain.session_state import COMPLETED, SUCCESS, Member, Run, Session
from freezer_api.tests.contract import bodies
from freezer_api.tests.contract.derived import Stores, next_release, unseen

SCHEDULE = {'schedule_interval': '1 days'}
DEFINITION = {'action': 'backup', 'mode': 'fs'}
PROGRESS = {'status': COMPLETED, 'result': SUCCESS, 'time_started': 5, 'time_ended': 6}


class Repairs(Stores):
    """Documents that contradict each other, as no driver stores them and another store may have
    told, in a project of their own.
    """

    def setUp(self):
        super().setUp()
        self.damaged = self.in_project('z', self.own)

    def keep(self, kind, id, body, project='z', created=1):
        """Put a document into the store as it is."""
        document = Document(kind, project, id, 1, created, body)
        self.own.restore([Entry(kind, project, id, document)])

    def keep_job(self, id, project='z', **changes):
        """Put a job into the store as it is."""
        self.keep(JOBS, id, bodies.job_body(id, project, **changes), project)

    def keep_session(self, id, project='z', **fields):
        """Put a session into the store as it is."""
        session = Session(project, id, 'user', **fields)
        self.own.restore([Entry(SESSIONS, project, id, session)])

    def examined(self, **options):
        """What the doctor finds: the document, whether it can be repaired and was."""
        examination = doctor.Doctor(self.own, unseen, **options)
        return [
            (
                finding.drift.kind,
                finding.drift.project_id,
                finding.drift.id,
                finding.is_repairable,
                finding.is_repaired,
            )
            for finding in examination.examine()
        ]

    def repaired(self, *expected, project='z'):
        """Check that these documents are told, repaired once, and then no more."""
        self.assertEqual(
            [(kind, project, id, True, False) for kind, id in expected], self.examined()
        )
        self.assertEqual(
            [(kind, project, id, True, True) for kind, id in expected], self.examined(fix=True)
        )
        self.assertEqual([], self.examined(fix=True))
        self.assertEqual([], self.examined())

    def test_healthy_store_is_left_alone(self):
        before = self._everything()
        self.assertEqual([], self.examined())
        self.assertEqual([], self.examined(fix=True))
        self.assertEqual(before, self._everything())

    def test_member_that_is_no_job_leaves(self):
        self.keep_session('s', members={'gone': Member('client')})
        self.repaired((SESSIONS, 's'))
        self.assertEqual({}, self.damaged.session('s')['jobs'])

    def test_member_that_names_no_session_leaves(self):
        self.keep_job('j')
        self.keep_session('s', members={'j': Member('client')})
        before = self.damaged.job('j')
        self.repaired((SESSIONS, 's'))
        self.assertEqual({}, self.damaged.session('s')['jobs'])
        self.assertEqual(before, self.damaged.job('j'))

    def test_member_of_two_sessions_stays_in_the_one_that_it_names(self):
        self.keep_job('j', session_id='two')
        for id in ('one', 'two'):
            self.keep_session(id, members={'j': Member('client')})
        self.repaired((SESSIONS, 'one'))
        self.assertEqual({}, self.damaged.session('one')['jobs'])
        self.assertEqual({'j'}, set(self.damaged.session('two')['jobs']))

    def test_member_of_another_client_keeps_its_progress(self):
        self.keep_job('j', session_id='s', client_id='right')
        member = Member('wrong', **PROGRESS)
        self.keep_session('s', members={'j': member})
        self.repaired((SESSIONS, 's'))
        shown = self.damaged.session('s')['jobs']
        self.assertEqual({'j': {'client_id': 'right', **PROGRESS}}, shown)

    def test_member_gets_the_schedule_of_its_session(self):
        self.keep_job('j', session_id='s', schedule={'schedule_interval': '2 hours'})
        self.keep_session('s', schedule=SCHEDULE, members={'j': Member('client')})
        self.repaired((SESSIONS, 's'))
        schedule = self.damaged.job('j')['job_schedule']
        self.assertEqual('1 days', schedule['schedule_interval'])
        self.assertEqual(1, schedule['time_created'])

    def test_job_joins_the_session_that_it_names(self):
        self.keep_job('j', session_id='s')
        self.keep_session('s', schedule=SCHEDULE, tag=7)
        self.repaired((JOBS, 'j'))
        self.assertEqual({'j'}, set(self.damaged.session('s')['jobs']))
        job = self.damaged.job('j')
        self.assertEqual(('s', 7), (job['session_id'], job['session_tag']))
        self.assertEqual('1 days', job['job_schedule']['schedule_interval'])

    def test_job_of_a_missing_session_keeps_its_schedule(self):
        self.keep_job('j', session_id='gone', session_tag=3, schedule=SCHEDULE)
        self.repaired((JOBS, 'j'))
        job = self.damaged.job('j')
        self.assertEqual(('', 0), (job['session_id'], job['session_tag']))
        self.assertEqual('1 days', job['job_schedule']['schedule_interval'])
        self.assertEqual('', job['job_schedule']['event'])

    def test_job_of_a_missing_session_without_a_schedule_is_told_to_stop(self):
        self.keep_job('j', session_id='gone', session_tag=3)
        self.repaired((JOBS, 'j'))
        job = self.damaged.job('j')
        self.assertEqual(('', 0), (job['session_id'], job['session_tag']))
        self.assertEqual('stop', job['job_schedule']['event'])

    def test_run_whose_members_have_completed_ends(self):
        self.keep_job('j', session_id='s')
        run = Run(tag=1, hold_off=3600, started=self.clock())
        member = Member('client', counted=True, **PROGRESS)
        self.keep_session('s', tag=1, hold_off=3600, run=run, members={'j': member})
        self.repaired((SESSIONS, 's'))
        session = self.damaged.session('s')
        self.assertEqual((COMPLETED, SUCCESS), (session['status'], session['result']))

    def test_missing_action_is_made_of_its_copy(self):
        entry = bodies.entry('a', DEFINITION)
        self.keep_job('j', job_actions=[entry])
        self.repaired((JOBS, 'j'))
        action = self.own.get(self.damaged.scope, ACTIONS, 'a').body
        self.assertEqual(DEFINITION, action['freezer_action'])
        self.assertEqual('user', action['user_id'])
        self.assertEqual([entry], self.damaged.job('j')['job_actions'])

    def test_copy_of_an_action_is_that_of_the_action(self):
        self.keep_job('j', job_actions=[bodies.entry('a', DEFINITION)])
        action = {'action_id': 'a', 'project_id': 'z', 'freezer_action': {'action': 'exec'}}
        self.keep(ACTIONS, 'a', action)
        self.repaired((JOBS, 'j'))
        (entry,) = self.damaged.job('j')['job_actions']
        self.assertEqual({'action': 'exec'}, entry['freezer_action'])

    def test_missing_trust_is_kept_again_until_its_last_job_is_gone(self):
        credentials = {'trust_id': 't', 'trustor_user_id': 'user'}
        self.keep_job('j', user_credentials=credentials)
        self.repaired((JOBS, 'j'))
        trust = self.own.get(self.damaged.scope, TRUSTS, 't').body
        self.assertEqual({**credentials, 'project_id': 'z'}, trust)
        self.assertFalse(self.damaged.end_trust('t'))
        self.damaged.delete_job('j')
        self.assertTrue(self.damaged.end_trust('t'))

    def test_trust_of_no_job_ends_and_is_told_how_in_keystone(self):
        old = self.own.clock() - verifying.GRACE - 1
        self.keep(TRUSTS, 't', {'trust_id': 't', 'trustor_user_id': 'user'}, created=old)
        (finding,) = doctor.Doctor(self.own, unseen).examine()
        self.assertEqual('Run: openstack trust delete t', finding.drift.advice)
        self.repaired((TRUSTS, 't'))
        self.assertRaises(exceptions.NotFound, self.own.get, self.damaged.scope, TRUSTS, 't')

    def test_all_contradictions_of_one_job_are_repaired_in_one_run(self):
        entries = [bodies.entry('missing', DEFINITION), bodies.entry('a', DEFINITION)]
        self.keep(ACTIONS, 'a', {'action_id': 'a', 'project_id': 'z', 'freezer_action': {}})
        self.keep_session('named', schedule=SCHEDULE)
        self.keep_session('other', members={'j': Member('wrong'), 'gone': Member('client')})
        credentials = {'trust_id': 't', 'trustor_user_id': 'user'}
        self.keep_job('j', session_id='named', job_actions=entries, user_credentials=credentials)
        found = [(SESSIONS, 'other')] * 2 + [(JOBS, 'j')] * 4
        self.repaired(*found)

    def test_repair_of_what_agrees_by_then_changes_nothing(self):
        self.keep_session('s', members={'gone': Member('client')})
        (finding,) = doctor.Doctor(self.own, unseen).examine()
        self.assertTrue(self.own.repair(finding.drift))
        before = self._everything()
        self.assertTrue(self.own.repair(finding.drift))
        self.assertEqual(before, self._everything())

    def test_project_is_repaired_alone(self):
        for project in ('y', 'z'):
            self.keep_session('s', project, members={'gone': Member('client')})
        self.assertEqual([], self.examined(project_id='p'))
        self.assertEqual([(SESSIONS, 'z', 's', True, False)], self.examined(project_id='z'))
        self.assertEqual(
            [(SESSIONS, 'z', 's', True, True)], self.examined(project_id='z', fix=True)
        )
        self.assertEqual([(SESSIONS, 'y', 's', True, False)], self.examined())

    def test_documents_of_an_earlier_release_are_counted_and_indexed(self):
        with next_release():
            examination = doctor.Doctor(self.own, unseen)
            self.assertEqual([], list(examination.examine()))
            self.assertEqual(2, examination.outdated[CLIENTS])
            examination = doctor.Doctor(self.own, unseen, fix=True)
            self.assertEqual([], list(examination.examine()))
            self.assertEqual(2, examination.outdated[CLIENTS])
            examination = doctor.Doctor(self.own, unseen)
            self.assertEqual([], list(examination.examine()))
            self.assertEqual(collections.Counter(), +examination.outdated)

    def test_nothing_is_repaired_of_what_others_write_meanwhile(self):
        found = []
        self.while_others_write(lambda number: found.extend(self.examined(fix=True)))
        self.assertEqual([], found)

    def _everything(self):
        return [
            entry.dump()
            for kind in (SESSIONS, JOBS, ACTIONS, TRUSTS, CLIENTS)
            for entry in self.own.entries(kind, (), 1000)
        ]
