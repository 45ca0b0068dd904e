"""What is found in memory of a document that is other than the index says, is what a search would
find.
"""

import dataclasses
import unittest

import hypothesis

from freezer_api.db.base import Scope
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.search import clauses, matching, queries
from freezer_api.domain import run_state, search, search_query, session_state
from freezer_api.domain.documents import CLIENTS, SECOND, SESSIONS, Document
from freezer_api.tests.contract import bodies, search_random

NOW = search_random.NOW * SECOND


def source(value):
    """What is written of a value."""
    return codec.source(value.key, value, {})


class TestMatching(unittest.TestCase):
    @hypothesis.given(search_random.scenarios().filter(lambda one: one.kind != SESSIONS))
    def test_random_queries_find_what_matches_says(self, scenario):
        for id, body in scenario.documents.items():
            value = codec.made(Document(scenario.kind, 'p', id, 1, NOW, body))
            for asked, _ in scenario.searches:
                query = search.parse(asked, scenario.kind, limit=10)
                wanted = queries.PageSearch(Scope('p'), scenario.kind, query).found()
                self.assertEqual(
                    search_query.matches(query, scenario.kind, body),
                    matching.is_found(wanted, source(value)),
                    (query, body),
                )

    def test_scopes_and_ids_count(self):
        central = bodies.client_body('c', 'p', central=True)
        value = codec.made(Document(CLIENTS, 'p', 'c', 1, NOW, central))
        query = search.parse({}, CLIENTS, limit=10)
        for scope, hidden, expected in (
            (Scope('p'), (), True),
            (Scope('q'), (), False),
            (Scope('q', central=True), (), True),
            (Scope('q', central=True), ('c',), False),
        ):
            wanted = queries.PageSearch(scope, CLIENTS, query, None, hidden).found()
            self.assertEqual(expected, matching.is_found(wanted, source(value)), scope)

    def test_clause_that_searches_do_not_use_is_refused(self):
        self.assertRaises(NotImplementedError, matching.is_found, {'fuzzy': {'a': 'b'}}, {})

    def test_position_is_compared(self):
        value = codec.made(Document(CLIENTS, 'p', 'c', 1, NOW, bodies.client_body('c', 'p')))
        everything = {'match_all': {}}
        for seq, expected in ((value.seq - 1, True), (value.seq, False), (value.seq + 1, False)):
            behind = clauses.behind(everything, [seq, value.key[1]], False)
            self.assertEqual(expected, matching.is_found(behind, source(value)))


class TestLapsing(unittest.TestCase):
    def test_lapse_changes_those_fields_alone(self):
        """So searches for anything else needn't look at sessions whose runs have lapsed."""
        member = session_state.Member('client', counted=True)
        run = session_state.Run(1, 60, NOW)
        completed = dataclasses.replace(member, status='completed', result='success')
        members = {'j': member, 'k': completed}
        session = session_state.Session('p', 's', 'user', tag=1, members=members, run=run)
        lapsed = run_state.lapse(session, NOW + 61 * SECOND)
        self.assertIsNot(session, lapsed)
        before, after = session.body(), lapsed.body()
        changed = {name for name in after if after[name] != before[name]}
        self.assertEqual(run_state.LAPSING, changed)
