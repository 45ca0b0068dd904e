"""Documents of every kind: their life, their versions, preconditions, and whose they are."""

import unicodedata

from freezer_api import exceptions
from freezer_api.db.base import JobWrite
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
from freezer_api.domain.sessions import Outcome
from tests.contract import actors, base

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
        return actors.job_body(id, project_id, description=text)
    if kind == CLIENTS:
        return actors.client_body(id, project_id, description=text)
    if kind == ACTIONS:
        return {
            'action_id': id,
            'project_id': project_id,
            'user_id': 'u',
            'freezer_action': {'action': 'backup', 'log': text},
        }
    if kind == TRUSTS:
        return actors.trust_body(id, project_id, name=text)
    return actors.backup_body(id, project_id, name=text)


@base.on_every_database()
class Documents:
    def _put(self, kind, id, text='text', actor=None):
        actor = actor or self.actor
        if kind == SESSIONS:
            actor.put_session(id, description=text)
        else:
            actor.put(kind, id, body_of(kind, id, actor.project_id, text))
        return actor.get(kind, id)

    def _delete(self, kind, id, actor=None):
        actor = actor or self.actor
        delete = {
            SESSIONS: actor.delete_session,
            JOBS: actor.delete_job,
            ACTIONS: actor.delete_action,
        }
        delete.get(kind, lambda id: actor.write(kind, id, None))(id)

    def test_life_of_a_document(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.assertRaises(exceptions.NotFound, self.actor.get, kind, 'a')
                created = self._put(kind, 'a')
                self.assertEqual(
                    (kind, self.actor.project_id, 'a', 1, self.clock.now),
                    (
                        created.kind,
                        created.project_id,
                        created.id,
                        created.version,
                        created.created,
                    ),
                )
                self.clock.advance(1)
                changed = self._put(kind, 'a', 'other')
                self.assertEqual((2, created.created), (changed.version, changed.created))
                self.assertNotEqual(created.etag, changed.etag)
                self._delete(kind, 'a')
                self.assertRaises(exceptions.NotFound, self.actor.get, kind, 'a')
                self._delete(kind, 'a')

    def test_bodies_come_back_as_they_were(self):
        for kind in KINDS:
            for text in ODD_TEXTS:
                with self.subTest(kind=kind, text=text[:20]):
                    body = self._put(kind, 'a', text).body
                    if kind != SESSIONS:
                        self.assertEqual(body_of(kind, 'a', self.actor.project_id, text), body)
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
        self.actor.put_backup('a', values=values)
        stored = self.actor.get(BACKUPS, 'a').body['backup_metadata']['values']
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
                self.assertEqual((1, self.clock.now), (again.version, again.created))
                self.assertNotEqual(before.etag, again.etag)

    def test_ids_are_compared_byte_by_byte(self):
        for kind in KINDS:
            with self.subTest(kind):
                for id in ODD_IDS:
                    self.assertTrue(self.actor.missing(kind, id), id)
                    self._put(kind, id, f'of {id}')
                for id in ODD_IDS:
                    self.assertIn(f'of {id}', list(base.texts(self.actor.get(kind, id).body)))
                self.assertEqual(list(ODD_IDS), self.actor.ids(kind))
                self.assertEqual(list(ODD_IDS[2:]), self.actor.ids(kind, marker='A'))
                self.assertRaises(
                    exceptions.InvalidInput, self.actor.page, kind, marker='x' * 254 + 'X'
                )
                self._delete(kind, 'A')
                self.assertFalse(self.actor.missing(kind, 'a'))

    def test_two_projects_have_an_id_each(self):
        other = self.actor_in(self.actor.project_id.upper())
        for kind in KINDS:
            with self.subTest(kind):
                mine, its = self._put(kind, 'a', 'mine'), self._put(kind, 'a', 'its', other)
                self.assertEqual(mine, self.actor.get(kind, 'a'))
                self._delete(kind, 'a')
                self.assertEqual(its, other.get(kind, 'a'))
                self.assertEqual(([], ['a']), (self.actor.ids(kind), other.ids(kind)))

    def test_kinds_are_apart(self):
        for kind in KINDS:
            self._put(kind, 'a', kind)
        for kind in KINDS:
            self.assertIn(kind, list(base.texts(self.actor.get(kind, 'a').body)))
            self._delete(kind, 'a')
            self.assertTrue(self.actor.missing(kind, 'a'))

    def test_a_refused_change_leaves_nothing_behind(self):
        def refuse(*arguments):
            raise exceptions.InvalidInput('no')

        writes = {
            JOBS: lambda id: self.storage.write_job(self.actor.scope, id, refuse),
            ACTIONS: lambda id: self.storage.write_action(self.actor.scope, id, refuse),
            SESSIONS: lambda id: self.storage.write_session(self.actor.scope, id, refuse),
        }
        for kind in KINDS:
            with self.subTest(kind):
                write = writes.get(
                    kind,
                    lambda id, kind=kind: self.storage.write(self.actor.scope, kind, id, refuse),
                )
                self.assertRaises(exceptions.InvalidInput, write, 'a')
                self.assertTrue(self.actor.missing(kind, 'a'))
                before = self._put(kind, 'a')
                self.assertRaises(exceptions.InvalidInput, write, 'a')
                self.assertEqual(before, self.actor.get(kind, 'a'))

    def test_a_change_is_given_what_is_stored_and_the_moment(self):
        before = self._put(CLIENTS, 'a')
        self.clock.advance(7)
        given = []

        def change(current, now):
            given.append((current, now))
            return current.body

        self.storage.write(self.actor.scope, CLIENTS, 'a', change)
        self.assertEqual(
            {(before.etag, self.clock.now)}, {(current.etag, now) for current, now in given}
        )
        self.assertEqual(before, given[-1][0])

    def test_write_answers_the_document_as_it_is_now(self):
        self.assertEqual(self.actor.put_client('a'), self.actor.get(CLIENTS, 'a'))
        self.assertEqual(self.actor.put_action('a', action='info'), self.actor.get(ACTIONS, 'a'))
        self.assertEqual(
            self.actor.put_job('a', actors.job_body('a', 'p')), self.actor.get(JOBS, 'a')
        )
        self.assertEqual(
            self.actor.put_session('a').session.document(), self.actor.get(SESSIONS, 'a')
        )
        for _ in range(2):
            self.assertIsNone(self.actor.write(CLIENTS, 'a', None))
            self.assertIsNone(
                self.storage.write_action(self.actor.scope, 'a', lambda current, jobs, now: None)
            )
            self.assertIsNone(
                self.storage.write_session(
                    self.actor.scope, 'a', lambda *arguments: Outcome(None)
                ).session
            )
        self.assertEqual([True, False], [self.actor.delete_job('a') for _ in range(2)])

    def test_preconditions_where_the_storage_holds_them(self):
        session, job = self.actor.new_session(), self.actor.new_job()
        stale = Precondition(if_match=('0-1',))
        for act in (
            lambda held: self.actor.attach(session, job, held),
            lambda held: self.actor.detach(session, job, held),
        ):
            before = self.actor.get(SESSIONS, session), self.actor.get(JOBS, job)
            self.assertRaises(exceptions.PreconditionFailed, act, stale)
            self.assertEqual(before, (self.actor.get(SESSIONS, session), self.actor.get(JOBS, job)))
            act(Precondition(if_match=(before[0].etag,)))
            self.assertGreater(self.actor.get(SESSIONS, session).version, before[0].version)
        self.assertRaises(exceptions.PreconditionFailed, self.actor.delete_job, job, stale)
        self.assertRaises(
            exceptions.PreconditionFailed,
            self.actor.delete_job,
            'none',
            Precondition(if_match=('*',)),
        )
        self.assertTrue(
            self.actor.delete_job(job, Precondition(if_match=(self.actor.get(JOBS, job).etag,)))
        )

    def test_a_job_with_its_actions_comes_to_be_as_one(self):
        action = body_of(ACTIONS, 'a', self.actor.project_id)
        job = actors.job_body(
            'j', self.actor.project_id, job_actions=[actors.entry('a', action['freezer_action'])]
        )
        self.actor.put_job('j', job, {'a': action})
        self.assertEqual(
            (job, action, 1),
            (
                self.actor.job('j'),
                self.actor.get(ACTIONS, 'a').body,
                self.actor.get(ACTIONS, 'a').version,
            ),
        )

    def test_an_action_that_is_taken_is_not_taken_over(self):
        self._put(ACTIONS, 'a', 'older')
        write = JobWrite(
            actors.job_body('j', 'p'),
            {'b': body_of(ACTIONS, 'b', 'p'), 'a': body_of(ACTIONS, 'a', 'p')},
        )
        self.assertRaises(
            exceptions.Conflict,
            self.storage.write_job,
            self.actor.scope,
            'j',
            lambda *arguments: write,
        )
        self.assertEqual(
            (True, True), (self.actor.missing(JOBS, 'j'), self.actor.missing(ACTIONS, 'b'))
        )
        self.assertIn('older', list(base.texts(self.actor.get(ACTIONS, 'a').body)))


@base.on_every_database()
class Claims:
    """Ids that are unique over all projects: those of central clients, and of jobs on them."""

    def setUp(self):
        super().setUp()
        self.other = self.actor_in(f'{self.actor.project_id}-2')
        self.taken = actors.new_id()

    def _job(self, actor, id, central):
        return actor.put_job(
            id, actors.job_body(id, actor.project_id, **({'_central': True} if central else {}))
        )

    def test_one_central_client_of_an_id(self):
        self.actor.put_client(self.taken, central=True)
        self.assertRaises(exceptions.Conflict, self.other.put_client, self.taken, central=True)
        self.assertTrue(self.other.missing(CLIENTS, self.taken))
        self.other.put_client(self.taken)
        self.assertRaises(exceptions.Conflict, self.other.put_client, self.taken, central=True)
        self.assertFalse(self.other.get(CLIENTS, self.taken).body['client']['is_central'])

    def test_one_job_of_an_id_on_central_clients(self):
        self._job(self.actor, self.taken, True)
        self.assertRaises(exceptions.Conflict, self._job, self.other, self.taken, True)
        self._job(self.other, self.taken, False)
        self.assertRaises(exceptions.Conflict, self._job, self.other, self.taken, True)

    def test_a_claim_is_given_up_with_the_document_or_by_a_change(self):
        self.actor.put_client(self.taken, central=True)
        self.actor.put_client(self.taken)
        self.other.put_client(self.taken, central=True)
        self.other.write(CLIENTS, self.taken, None)
        self.actor.put_client(self.taken, central=True)
        self._job(self.actor, self.taken, True)
        self.actor.delete_job(self.taken)
        self._job(self.other, self.taken, True)
        self._job(self.other, self.taken, False)
        self._job(self.actor, self.taken, True)

    def test_kinds_and_cases_are_apart(self):
        self.actor.put_client(self.taken, central=True)
        self._job(self.other, self.taken, True)
        self.other.put_client(f'{self.taken}a', central=True)
        self.actor.put_client(f'{self.taken}A', central=True)

    def test_a_claim_stays_through_other_changes(self):
        self.actor.put_client(self.taken, central=True)
        self.actor.put_client(self.taken, central=True, description='changed')
        self.assertRaises(exceptions.Conflict, self.other.put_client, self.taken, central=True)
        self.assertEqual(2, self.actor.get(CLIENTS, self.taken).version)
