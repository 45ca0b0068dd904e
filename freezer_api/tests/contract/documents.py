"""Documents of every kind: their life, their versions, preconditions, and whose they are."""

import unicodedata

from freezer_api import exceptions
from freezer_api.db.base import Delete, Keep, Store
from freezer_api.domain import session_state
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    JOBS,
    KINDS,
    SESSIONS,
    TRUSTS,
    Precondition,
)
from freezer_api.tests.contract import base, bodies

#: Ids that a comparison which is not byte by byte would take for one another, or trip over.
ODD_IDS = (
    'a',
    'A',
    'a.',
    'a..',
    'a-',
    'a_',
    '_a',
    '0',
    '00',
    '0a',
    'x' * 255,
    'X' * 255,
    'x' * 254,
    'null',
    'a.b.c',
    '1e1',
)
#: Texts that lose something in a careless store.
ODD_TEXTS = (
    '',
    ' ',
    'trailing ',
    'é',
    unicodedata.normalize('NFD', 'é'),
    'ß',
    '😀',
    '\u2028',
    "'; --",
    '%_*',
    '\\',
    '\x01\x7f',
    'a' * 5000,
)


def body_of(kind, id, project_id, text='text'):
    """Some document of a kind."""
    if kind == JOBS:
        return bodies.job_body(id, project_id, description=text)
    if kind == CLIENTS:
        return bodies.client_body(id, project_id, description=text)
    if kind == ACTIONS:
        return {
            'action_id': id,
            'project_id': project_id,
            'user_id': 'u',
            'freezer_action': {'action': 'backup', 'log': text},
        }
    if kind == TRUSTS:
        return bodies.trust_body(id, project_id, name=text)
    return bodies.backup_body(id, project_id, name=text)


class Documents:
    def _put(self, kind, id, text='text', project=None):
        project = project or self.project
        if kind == SESSIONS:
            project.put_session(id, description=text)
        else:
            project.put(kind, id, body_of(kind, id, project.project_id, text))
        return project.get(kind, id)

    def _delete(self, kind, id, project=None):
        project = project or self.project
        delete = {
            SESSIONS: project.delete_session,
            JOBS: project.delete_job,
            ACTIONS: project.delete_action,
        }
        delete.get(kind, lambda id: project.write(kind, id, None))(id)

    def test_document_is_created_changed_and_deleted(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.assertRaises(exceptions.NotFound, self.project.get, kind, 'a')
                created = self._put(kind, 'a')
                self.assertEqual(kind, created.kind)
                self.assertEqual(self.project.project_id, created.project_id)
                self.assertEqual('a', created.id)
                self.assertEqual(1, created.version)
                self.assertEqual(self.clock.now, created.created)
                self.clock.advance(1)
                changed = self._put(kind, 'a', 'other')
                self.assertEqual(2, changed.version)
                self.assertEqual(created.created, changed.created)
                self.assertNotEqual(created.etag, changed.etag)
                self._delete(kind, 'a')
                self.assertRaises(exceptions.NotFound, self.project.get, kind, 'a')
                self._delete(kind, 'a')

    def test_bodies_come_back_as_they_were(self):
        for kind in KINDS:
            for text in ODD_TEXTS:
                with self.subTest(kind=kind, text=text[:20]):
                    body = self._put(kind, 'a', text).body
                    if kind != SESSIONS:
                        self.assertEqual(body_of(kind, 'a', self.project.project_id, text), body)
                    self.assertIn(text, list(base.texts(body)))

    def test_values_keep_their_types(self):
        values = [
            1,
            1.0,
            -0.5,
            2**63 - 1,
            -(2**63),
            1e300,
            True,
            False,
            None,
            [],
            {},
            [[]],
            [{'a': [None]}],
            '1',
        ]
        self._put(BACKUPS, 'a')
        self.project.put_backup('a', values=values)
        stored = self.project.get(BACKUPS, 'a').body['backup_metadata']['values']
        self.assertEqual(
            [(type(value), value) for value in values], [(type(value), value) for value in stored]
        )

    def test_the_same_again_is_no_change(self):
        for kind in KINDS:
            with self.subTest(kind):
                before = self._put(kind, 'a')
                self.clock.advance(5)
                self.assertEqual(before, self._put(kind, 'a'))

    def test_an_id_used_again_is_another_document(self):
        for kind in KINDS:
            with self.subTest(kind):
                before = self._put(kind, 'a')
                self._delete(kind, 'a')
                self.clock.advance(0.000001)
                again = self._put(kind, 'a')
                self.assertEqual(1, again.version)
                self.assertEqual(self.clock.now, again.created)
                self.assertNotEqual(before.etag, again.etag)

    def test_ids_are_compared_byte_by_byte(self):
        for kind in KINDS:
            with self.subTest(kind):
                for id in ODD_IDS:
                    self.assertTrue(self.project.missing(kind, id), id)
                    self._put(kind, id, f'of {id}')
                for id in ODD_IDS:
                    self.assertIn(f'of {id}', list(base.texts(self.project.get(kind, id).body)))
                self.assertEqual(list(ODD_IDS), self.project.ids(kind))
                self.assertEqual(list(ODD_IDS[2:]), self.project.ids(kind, marker='A'))
                self.assertRaises(
                    exceptions.InvalidInput, self.project.page, kind, marker='x' * 254 + 'X'
                )
                self._delete(kind, 'A')
                self.assertFalse(self.project.missing(kind, 'a'))

    def test_two_projects_have_an_id_each(self):
        other = self.in_project(self.project.project_id.upper())
        for kind in KINDS:
            with self.subTest(kind):
                mine, its = self._put(kind, 'a', 'mine'), self._put(kind, 'a', 'its', other)
                self.assertEqual(mine, self.project.get(kind, 'a'))
                self._delete(kind, 'a')
                self.assertEqual(its, other.get(kind, 'a'))
                self.assertEqual([], self.project.ids(kind))
                self.assertEqual(['a'], other.ids(kind))

    def test_kinds_are_apart(self):
        for kind in KINDS:
            self._put(kind, 'a', kind)
        for kind in KINDS:
            self.assertIn(kind, list(base.texts(self.project.get(kind, 'a').body)))
            self._delete(kind, 'a')
            self.assertTrue(self.project.missing(kind, 'a'))

    def test_a_refused_change_leaves_nothing_behind(self):
        def refuse(*arguments):
            raise exceptions.InvalidInput('no')

        writes = {
            JOBS: lambda id: self.storage.write_job(self.project.scope, id, refuse),
            ACTIONS: lambda id: self.storage.write_action(self.project.scope, id, refuse),
            SESSIONS: lambda id: self.storage.write_session(self.project.scope, id, refuse),
        }
        for kind in KINDS:
            with self.subTest(kind):
                write = writes.get(
                    kind,
                    lambda id, kind=kind: self.storage.write(self.project.scope, kind, id, refuse),
                )
                self.assertRaises(exceptions.InvalidInput, write, 'a')
                self.assertTrue(self.project.missing(kind, 'a'))
                before = self._put(kind, 'a')
                self.assertRaises(exceptions.InvalidInput, write, 'a')
                self.assertEqual(before, self.project.get(kind, 'a'))

    def test_change_is_given_the_document_and_the_time(self):
        before = self._put(CLIENTS, 'a')
        self.clock.advance(7)
        given = []

        def change(current, now):
            given.append((current, now))
            return Keep()

        self.storage.write(self.project.scope, CLIENTS, 'a', change)
        self.assertEqual(
            {(before.etag, self.clock.now)}, {(current.etag, now) for current, now in given}
        )
        self.assertEqual(before, given[-1][0])

    def test_write_answers_the_document_as_it_is_now(self):
        self.assertEqual(self.project.put_client('a'), self.project.get(CLIENTS, 'a'))
        self.assertEqual(
            self.project.put_action('a', action='info'), self.project.get(ACTIONS, 'a')
        )
        self.assertEqual(
            self.project.put_job('a', bodies.job_body('a', 'p')), self.project.get(JOBS, 'a')
        )
        self.assertEqual(
            self.project.put_session('a').session.document(), self.project.get(SESSIONS, 'a')
        )
        for _ in range(2):
            self.assertIsNone(self.project.write(CLIENTS, 'a', None))
            self.assertIsNone(
                self.storage.write_action(
                    self.project.scope, 'a', lambda current, jobs, now: Delete()
                ).document
            )
            self.assertIsNone(
                self.storage.write_session(
                    self.project.scope, 'a', lambda *arguments: session_state.Delete()
                ).session
            )
        self.assertEqual([True, False], [self.project.delete_job('a') for _ in range(2)])

    def test_unmet_precondition_refuses_the_write(self):
        session, job = self.project.new_session(), self.project.new_job()
        stale = Precondition(if_match=('0-1',))
        for act in (
            lambda held: self.project.attach(session, job, held),
            lambda held: self.project.detach(session, job, held),
        ):
            before = self.project.get(SESSIONS, session), self.project.get(JOBS, job)
            self.assertRaises(exceptions.PreconditionFailed, act, stale)
            self.assertEqual(
                before, (self.project.get(SESSIONS, session), self.project.get(JOBS, job))
            )
            act(Precondition(if_match=(before[0].etag,)))
            self.assertGreater(self.project.get(SESSIONS, session).version, before[0].version)
        self.assertRaises(exceptions.PreconditionFailed, self.project.delete_job, job, stale)
        self.assertRaises(
            exceptions.PreconditionFailed,
            self.project.delete_job,
            'none',
            Precondition(if_match=('*',)),
        )
        self.assertTrue(
            self.project.delete_job(job, Precondition(if_match=(self.project.get(JOBS, job).etag,)))
        )

    def test_a_job_with_its_actions_comes_to_be_as_one(self):
        action = body_of(ACTIONS, 'a', self.project.project_id)
        job = bodies.job_body(
            'j', self.project.project_id, job_actions=[bodies.entry('a', action['freezer_action'])]
        )
        self.project.put_job('j', job, {'a': action})
        self.assertEqual(job, self.project.job('j'))
        self.assertEqual(action, self.project.get(ACTIONS, 'a').body)
        self.assertEqual(1, self.project.get(ACTIONS, 'a').version)

    def test_an_action_that_is_taken_is_not_taken_over(self):
        self._put(ACTIONS, 'a', 'older')
        write = Store(
            bodies.job_body('j', 'p'),
            actions={'b': body_of(ACTIONS, 'b', 'p'), 'a': body_of(ACTIONS, 'a', 'p')},
        )
        self.assertRaises(
            exceptions.Conflict,
            self.storage.write_job,
            self.project.scope,
            'j',
            lambda *arguments: write,
        )
        self.assertIs(True, self.project.missing(JOBS, 'j'))
        self.assertIs(True, self.project.missing(ACTIONS, 'b'))
        self.assertIn('older', list(base.texts(self.project.get(ACTIONS, 'a').body)))


class Claims:
    """Ids that are unique over all projects: those of central clients, and of jobs on them."""

    def setUp(self):
        super().setUp()
        self.other = self.in_project(f'{self.project.project_id}-2')
        self.taken = bodies.new_id()

    def _job(self, project, id, central):
        return project.put_job(
            id, bodies.job_body(id, project.project_id, **({'_central': True} if central else {}))
        )

    def test_central_client_s_id_is_claimed_once(self):
        self.project.put_client(self.taken, central=True)
        self.assertRaises(exceptions.Conflict, self.other.put_client, self.taken, central=True)
        self.assertTrue(self.other.missing(CLIENTS, self.taken))
        self.other.put_client(self.taken)
        self.assertRaises(exceptions.Conflict, self.other.put_client, self.taken, central=True)
        self.assertFalse(self.other.get(CLIENTS, self.taken).body['client']['is_central'])

    def test_job_id_on_central_clients_is_claimed_once(self):
        self._job(self.project, self.taken, True)
        self.assertRaises(exceptions.Conflict, self._job, self.other, self.taken, True)
        self._job(self.other, self.taken, False)
        self.assertRaises(exceptions.Conflict, self._job, self.other, self.taken, True)

    def test_a_claim_is_given_up_with_the_document_or_by_a_change(self):
        self.project.put_client(self.taken, central=True)
        self.project.put_client(self.taken)
        self.other.put_client(self.taken, central=True)
        self.other.write(CLIENTS, self.taken, None)
        self.project.put_client(self.taken, central=True)
        self._job(self.project, self.taken, True)
        self.project.delete_job(self.taken)
        self._job(self.other, self.taken, True)
        self._job(self.other, self.taken, False)
        self._job(self.project, self.taken, True)

    def test_kinds_and_cases_are_apart(self):
        self.project.put_client(self.taken, central=True)
        self._job(self.other, self.taken, True)
        self.other.put_client(f'{self.taken}a', central=True)
        self.project.put_client(f'{self.taken}A', central=True)

    def test_a_claim_stays_through_other_changes(self):
        self.project.put_client(self.taken, central=True)
        self.project.put_client(self.taken, central=True, description='changed')
        self.assertRaises(exceptions.Conflict, self.other.put_client, self.taken, central=True)
        self.assertEqual(2, self.project.get(CLIENTS, self.taken).version)
