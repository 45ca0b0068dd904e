"""Sessions that restore or verify a run: what they say of it is kept, and they are found by it."""

import dataclasses

from freezer_api.domain import search, sessions
from freezer_api.domain.documents import SESSIONS
from freezer_api.domain.sessions import Outcome
from tests.contract import base


@base.on_every_database()
class Restores:
    def _restoring(self, id, run, tag, mode='restore', **more):
        """A new session that restores a run."""
        restore = {'session_id': run, 'session_tag': tag, 'mode': mode, **more}

        def decision(session, now, record):
            made = sessions.create(self.actor.project_id, id, 'user', {'schedule': {}}, now)
            return Outcome(dataclasses.replace(made, restore=restore))

        self.storage.write_session(self.actor.scope, id, decision)
        return restore

    def _found(self, run, tag, **page):
        pairs = frozenset((search.restore_pair(run, tag),))
        query = search.Query(pairs, **{'limit': 10, 'descending': True, **page})
        return [
            found.id for found in self.storage.find(self.actor.scope, SESSIONS, query).documents
        ]

    def test_found_by_the_run_newest_first(self):
        self.actor.new_session('backup')
        for id, run, tag in (
            ('a', 's', 1),
            ('b', 's', 2),
            ('c', 's', 1),
            ('d', 't', 1),
            ('e', 's', 1),
        ):
            self._restoring(id, run, tag)
        self.assertEqual(['e', 'c', 'a'], self._found('s', 1))
        self.assertEqual(['e', 'c'], self._found('s', 1, limit=2))
        self.assertEqual(
            [['b'], ['d'], []], [self._found(*run) for run in (('s', 2), ('t', 1), ('s', 3))]
        )
        self.actor.delete_session('c')
        self.assertEqual(['e', 'a'], self._found('s', 1))
        self.assertEqual([], self.actor_in('other').ids(SESSIONS))

    def test_no_search_of_a_caller_is_one_for_a_run(self):
        self._restoring('a', 's', 1)
        for value in ('r1 s', '1 s', 's', 1):
            self.assertEqual([], self.actor.ids(SESSIONS, [{'restore': value}]))
        # At the top a session has an id and a tag of its own.
        self.assertEqual([], self.actor.ids(SESSIONS, [{'session_id': 's'}]))
        self.assertEqual(['a'], self.actor.ids(SESSIONS, [{'mode': 'restore'}]))

    def test_kept_through_a_run_and_changes(self):
        restore = self._restoring('a', 's', 1, 'verify-read', backup_id='b')
        self.actor.new_job('j', session_id='a')
        self.assertEqual(('success', 1), self.actor.start('a', 'j', 0))
        self.actor.end('a', 'j', 1)
        self.actor.patch_session('a', description='x', hold_off=9)
        self.actor.put_session('a', description='y')
        body = self.actor.session('a')
        self.assertEqual(
            (restore, 'completed', 'y'), (body['restore'], body['status'], body['description'])
        )
        self.assertEqual(['a'], self._found('s', 1))
        self.assertEqual(
            ['a'], self.actor.ids(SESSIONS, [{'backup_id': 'b'}, {'mode': 'verify-read'}])
        )

    def test_of_no_other_session(self):
        self.actor.new_session('plain')
        self.assertNotIn('restore', self.actor.session('plain'))
