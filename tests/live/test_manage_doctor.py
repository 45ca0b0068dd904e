"""``freezer-manage doctor`` and ``session``, as an operator runs them."""

import json

import sqlalchemy
import testscenarios

from freezer_api.db.base import Entry, Scope, Store
from freezer_api.db.sqlalchemy import models
from freezer_api.domain.documents import BACKUPS, SESSIONS, TRUSTS
from freezer_api.domain.session_state import Member, Session
from tests.live import terminals
from tests.live.test_manage import DATABASES, SeededTest
from tests.live.test_manage_derived import damage_moments, load_storage

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios


class DoctorTest(SeededTest):
    """A store that is examined."""

    def examine(self, *arguments: str) -> tuple[int, list[dict], dict]:
        """The exit code, the findings and the summary of ``doctor --json``."""
        code, said, errors = self.manage('doctor', '--json', *arguments)
        self.assertEqual('', errors)
        *findings, summary = map(json.loads, said.splitlines())
        return code, [one['finding'] for one in findings], summary['summary']


class TestDoctor(DoctorTest):
    """On every store."""

    scenarios = DATABASES

    def test_damage_is_told_and_repaired(self):
        self.assertEqual((0, []), self.examine()[:2])
        damage_moments(self, self.server)
        session = Session('kept', 'broken', 'user', members={'nobody': Member('host')})
        load_storage(self).restore([Entry(SESSIONS, 'kept', 'broken', session)])

        code, findings, summary = self.examine()
        self.assertEqual(1, code)
        self.assertEqual(
            [(BACKUPS, 'gone'), (BACKUPS, 'kept'), (SESSIONS, 'kept')],
            sorted((one['kind'], one['project_id']) for one in findings),
        )
        self.assertEqual({True}, {one['repairable'] for one in findings})
        self.assertEqual({False}, {one['repaired'] for one in findings})
        self.assertEqual((3, 3, 0), self._counts(summary))

        code, findings, summary = self.examine('--fix', '--project-id', 'gone')
        self.assertEqual(0, code)
        self.assertEqual([(BACKUPS, True)], [(one['kind'], one['repaired']) for one in findings])
        self.assertEqual((1, 1, 1), self._counts(summary))

        code, said, errors = self.manage('doctor', '--fix')
        self.assertEqual((0, ''), (code, errors), said)
        self.assertIn(
            'sessions broken in project kept: its member nobody is no job; repaired\n', said
        )
        self.assertEqual('2 found, 2 repaired.', said.splitlines()[-1])
        code, said, errors = self.manage('doctor')
        self.assertEqual((0, ''), (code, errors), said)
        self.assertEqual('Nothing is wrong.', said.splitlines()[-1])

    def _counts(self, summary):
        return summary['found'], summary['repairable'], summary['repaired']


class TestAdvice(DoctorTest):
    """What the doctor can't do himself."""

    def test_rows_of_a_missing_session_go_by_what_is_advised(self):
        storage = load_storage(self)
        with storage.database.engines.writer.connect() as connection, connection.begin():
            row = {'session': 999, 'tag': 3, 'body': '{}'}
            connection.execute(sqlalchemy.insert(models.runs), [row])
            member = {
                'session': 999,
                'job_id': 'j',
                'client_id': '"c"',
                'status': 'scheduled',
                'result': '',
                'time_started': -1,
                'time_ended': -1,
                'counted': 0,
            }
            connection.execute(sqlalchemy.insert(models.members), [member])
        code, findings, summary = self.examine('--fix')
        self.assertEqual(1, code)
        self.assertEqual({False}, {one['repaired'] for one in findings})
        self.assertEqual(0, summary['repairable'])
        statements = [one['advice'].partition(' or run: ')[2] for one in findings]
        self.assertEqual(2, len(statements))
        with storage.database.engines.writer.connect() as connection, connection.begin():
            for statement in statements:
                connection.exec_driver_sql(statement)
        self.assertEqual((0, []), self.examine()[:2])

    def test_trust_of_no_job_is_ended_and_told(self):
        storage = load_storage(self)
        storage.clock = lambda: 1
        body = {'trust_id': 't', 'trustor_user_id': 'user', 'project_id': 'kept'}
        storage.write(Scope('kept'), TRUSTS, 't', lambda current, now: Store(body))
        code, said, _errors = self.manage('doctor', '--fix')
        self.assertEqual(0, code)
        self.assertIn(
            'trusts t in project kept: no job has it; repaired. Run: openstack trust delete t',
            said,
        )
        self.assertEqual(0, self.manage('doctor')[0])


class TestSessions(DoctorTest):
    """``session list`` and ``session show``."""

    def test_sessions_are_listed_as_json(self):
        code, said, errors = self.manage('session', 'list')
        self.assertEqual((0, ''), (code, errors))
        listed = [json.loads(line) for line in said.splitlines()]
        self.assertEqual({'gone', 'kept'}, {one['project_id'] for one in listed})
        self.assertEqual([{'one', 'two'}] * 2, [set(one['jobs']) for one in listed])
        code, said, _errors = self.manage('session', 'list', '--project-id', 'kept')
        self.assertEqual(['kept'], [json.loads(line)['project_id'] for line in said.splitlines()])
        self.assertEqual('', self.manage('session', 'list', '--status', 'running')[1])
        self.assertEqual(1, len(self.manage('session', 'list', '--limit', '1')[1].splitlines()))

    def test_session_is_shown_with_its_runs(self):
        session_id = json.loads(self.manage('session', 'list', '--limit', '1')[1])['session_id']
        code, said, errors = self.manage('session', 'show', session_id, '--project-id', 'gone')
        self.assertEqual((0, ''), (code, errors))
        shown = json.loads(said)
        self.assertEqual(session_id, shown['session_id'])
        self.assertEqual([], shown['runs'])
        self.assertEqual({'one', 'two'}, set(shown['jobs']))
        code, said, errors = self.manage('session', 'show', session_id, '--project-id', 'kept')
        self.assertEqual((1, ''), (code, said))
        self.assertIn(session_id, errors)

    def test_terminal_gets_tables(self):
        arguments = ('--config-file', self.config_file, 'session')
        code, _printed, shown = terminals.run(
            'freezer-manage', *arguments, 'list', '--project-id', 'kept', prints_there=True
        )
        self.assertEqual(0, code, shown)
        headings, row = shown.splitlines()
        self.assertEqual(['Project', 'Session', 'Status', 'Result'], headings.split()[:4])
        self.assertEqual('kept', row.split()[0])
        session_id = row.split()[1]
        self.assertEqual(headings.index('Session'), row.index(session_id))
        code, _printed, shown = terminals.run(
            'freezer-manage',
            *arguments,
            'show',
            session_id,
            '--project-id',
            'kept',
            prints_there=True,
        )
        self.assertEqual(0, code, shown)
        words = [line.split() for line in shown.splitlines()]
        self.assertIn(['session_id', session_id], words)
        self.assertIn(['one', 'host', 'scheduled'], words)
