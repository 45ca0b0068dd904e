"""What a search means: the pairs that a document offers, what conditions parse to, and what a page
is.
"""

import json
import unittest

from freezer_api import exceptions
from freezer_api.domain import documents, search, search_pairs, search_query
from freezer_api.domain.documents import BACKUPS, JOBS, SESSIONS
from freezer_api.tests.contract import search_cases

#: name, document, the pairs that it offers, for a key of one letter each
OFFERS = (
    (
        'scalars',
        {'a': 'x', 'b': 1, 'c': True, 'd': None},
        {('a', 'sx'), ('b', 'n1'), ('c', 'bTrue'), ('d', 'z')},
    ),
    ('nothing', {}, set()),
    ('deep', {'o': {'p': {'a': 'x'}}}, {('a', 'sx')}),
    ('the least deep shadows', {'a': 'x', 'o': {'a': 'y'}}, {('a', 'sx')}),
    ('whatever the order', {'o': {'a': 'y'}, 'a': 'x'}, {('a', 'sx')}),
    (
        'all of one depth',
        {'o': {'a': 'x'}, 'p': {'a': 'y'}, 'q': {'r': {'a': 'z'}}},
        {('a', 'sx'), ('a', 'sy')},
    ),
    ('an object shadows too', {'a': {}, 'o': {'a': 'y'}}, set()),
    ('an object under its own name', {'a': {'a': 'y'}}, set()),
    ('an empty array shadows too', {'a': [], 'o': {'a': 'y'}}, set()),
    (
        'an array offers its scalars',
        {'a': ['x', 1, None, 'x']},
        {('a', 'sx'), ('a', 'n1'), ('a', 'z')},
    ),
    ('arrays in arrays', {'a': [['x'], [[False]]]}, {('a', 'sx'), ('a', 'bFalse')}),
    ('an array adds no depth', {'l': [{'a': 'x'}], 'o': {'a': 'y'}}, {('a', 'sx'), ('a', 'sy')}),
    ('nor do several', {'l': [[[{'a': 'x'}]]], 'o': {'p': {'a': 'y'}}}, {('a', 'sx')}),
    ('scalars beside objects', {'l': ['x', {'a': 'y'}]}, {('l', 'sx'), ('a', 'sy')}),
    ('a dot is no path', {'o.a': 'x', 'o': {'b': 'y'}}, {('o.a', 'sx'), ('b', 'sy')}),
    ('keys are literal', {'A': 'x', 'a ': 'y', '': 'z'}, {('A', 'sx'), ('a ', 'sy'), ('', 'sz')}),
)
#: Values that are equal, and values that are not.
EQUAL = (
    (1, 1.0),
    (0, -0.0),
    (0.0, -0.0),
    (2**53, float(2**53)),
    (10**15, 1e15),
    (0.1, 0.1),
    (-3, -3.0),
)
UNEQUAL = (
    (1, True),
    (0, False),
    (1, '1'),
    (None, 'None'),
    (None, False),
    (None, 0),
    ('', None),
    (True, 'True'),
    ('a', 'A'),
    ('a', 'a '),
    ('é', 'e\u0301'),
    ('ß', 'ss'),
    (2**53 + 1, float(2**53)),
    (0.1, 0.10000000000000002),
    ('', ' '),
    (1, 1.5),
)
BAD = (
    ([], 'search: must be an object'),
    ('x', 'search: must be an object'),
    (7, 'search: must be an object'),
    (True, 'must be an object'),
    ({'matches': []}, r'search\.matches: unknown key'),
    ({'match': {}}, r'search\.match: must be a list'),
    ({'match': None}, r'search\.match: must be a list'),
    ({'match_not': 'a'}, r'search\.match_not: must be a list'),
    ({'match': ['a']}, r'search\.match\[0\]: must be an object with one key'),
    ({'match': [{}]}, r'match\[0\]: .* one key'),
    ({'match': [{'a': 1}, {'a': 1, 'b': 2}]}, r'match\[1\]: .* one key'),
    ({'match': [{'a': []}]}, r'match\[0\]\.a: must be a scalar'),
    ({'match_not': [{'a': {}}]}, r'match_not\[0\]\.a: must be a scalar'),
    ({'match': [{'_all': 5}]}, r'match\[0\]\._all: must be a string'),
    ({'match': [{'_all': None}]}, r'_all: must be a string'),
    ({'match': [{'_all': ['a']}]}, '_all: must be a scalar'),
    ({'match': [{'_all': 'x' * 257}]}, 'longer than 256'),
    ({'match': [{'_all': '[{"a": [1]}]'}]}, r'\.a: must be a scalar'),
    ({'match': [{'_all': '{"match": {}}'}]}, r'^search\.match\[0\]\._all\.match: must be a list'),
    ({'match': [{'_all': '{"match": [5]}'}]}, r'_all\.match\[0\]: must be an object with one key'),
    (
        {'match': [{'_all': '{"match_not": [{"a": []}]}'}]},
        r'_all\.match_not\[0\]\.a: must be a scalar',
    ),
    (
        {'match_not': [{'_all': '{"match": [{"_all": 5}]}'}]},
        r'_all\.match\[0\]\._all: must be a string',
    ),
    ({'match': [{'_all': json.dumps({'match': [{'_all': 'x' * 257}]})}]}, 'longer than 256'),
    (
        {'match': [{'_all': json.dumps({'match': [{'a': n} for n in range(31)]})}]},
        'more than 30 conditions',
    ),
    ({'match': [{'a': n} for n in range(31)]}, 'more than 30 conditions'),
    (
        {'match': [{'a': n} for n in range(20)], 'match_not': [{'b': n} for n in range(11)]},
        'more than 30 conditions',
    ),
)


def parsed(match=(), match_not=()):
    return search.parse({'match': list(match), 'match_not': list(match_not)}, SESSIONS)


class Offers(unittest.TestCase):
    def test_document_offers_the_pairs_of_the_table(self):
        for name, body, expected in OFFERS:
            with self.subTest(name):
                self.assertEqual(expected, search_pairs.offers(SESSIONS, body))
                self.assertEqual(expected, search_pairs.index_pairs(SESSIONS, body))

    def test_values_are_compared_as_json(self):
        for one, other in EQUAL:
            self.assertEqual(
                search_pairs.canonical(one), search_pairs.canonical(other), (one, other)
            )
        for one, other in UNEQUAL:
            self.assertNotEqual(
                search_pairs.canonical(one), search_pairs.canonical(other), (one, other)
            )

    def test_pids_and_credentials_are_not_searched(self):
        job = {
            'job_schedule': {'current_pid': 5, 'status': ''},
            'user_credentials': {'trust_id': 't'},
            '_central': True,
            'client_id': 'c',
        }
        self.assertEqual({('status', 's'), ('client_id', 'sc')}, search_pairs.offers(JOBS, job))
        self.assertEqual('\0c', search_pairs.folded_text(JOBS, job))
        self.assertEqual(5, job['job_schedule']['current_pid'])

    def test_internal_keys_are_not_searched(self):
        for key in documents.INTERNAL:
            self.assertEqual(frozenset(), search_pairs.offers(SESSIONS, {key: 'x'}))

    def test_a_job_that_is_not_completed_offers_so(self):
        for status, open_ in (
            ('', True),
            ('running', True),
            ('Completed', True),
            ('completed', False),
        ):
            job = {'client_id': 'c', 'job_schedule': {'status': status}}
            self.assertEqual(open_, ('client_id', 'osc') in search_pairs.index_pairs(JOBS, job))
            self.assertEqual(not open_, ('client_id', 'csc') in search_pairs.index_pairs(JOBS, job))
        self.assertNotIn(
            ('client_id', 'osc'), search_pairs.index_pairs(SESSIONS, {'client_id': 'c'})
        )

    def test_the_poll_of_the_agents_is_one_pair(self):
        poll = parsed([{'client_id': 'c'}], [{'status': 'completed'}])
        self.assertEqual(({('client_id', 'osc')}, set()), search_query.compile_pairs(JOBS, poll))
        self.assertEqual((poll.pairs, poll.not_pairs), search_query.compile_pairs(SESSIONS, poll))
        for other in (
            parsed([{'client_id': 'c'}], [{'status': 'running'}]),
            parsed([{'a': 'c'}], [{'status': 'completed'}]),
            parsed([{'client_id': 'c'}, {'status': 'Completed'}]),
        ):
            self.assertEqual(
                (other.pairs, other.not_pairs), search_query.compile_pairs(JOBS, other)
            )
        completed = parsed([{'client_id': 'c'}, {'status': 'completed'}], [{'b': 2}])
        self.assertEqual(
            ({('client_id', 'csc')}, {('b', 'n2')}), search_query.compile_pairs(JOBS, completed)
        )
        never = parsed([{'client_id': 'c'}, {'status': 'completed'}], [{'status': 'completed'}])
        self.assertEqual(
            ({('client_id', 'osc'), ('status', 'scompleted')}, set()),
            search_query.compile_pairs(JOBS, never),
        )
        wider = parsed([{'client_id': 'c'}, {'a': 1}], [{'status': 'completed'}, {'b': 2}])
        self.assertEqual(
            ({('client_id', 'osc'), ('a', 'n1')}, {('b', 'n2')}),
            search_query.compile_pairs(JOBS, wider),
        )

    def test_no_search_reaches_composite_pairs(self):
        job = {
            'client_id': 'c',
            'job_schedule': {'status': ''},
            'user_credentials': {'trust_id': 'x'},
        }
        backup = {'backup_metadata': {'session_id': 's', 'session_tag': 3}}
        for kind, body, pair in (
            (JOBS, job, search_pairs.trust_pair('x')),
            (BACKUPS, backup, search_pairs.run_pair('s', 3)),
        ):
            self.assertIn(pair, search_pairs.index_pairs(kind, body))
            self.assertNotIn(pair, search_pairs.offers(kind, body))
            self.assertNotIn(pair, search_pairs.index_pairs(SESSIONS, body))
        # A value that a caller asks for begins with the letter of its JSON type.
        letters = {search_pairs.canonical(value)[0] for value in (None, True, 1, 1.5, 'x')}
        self.assertFalse(
            letters & {search_pairs.OPEN, search_pairs.CLOSED, search_pairs.TRUST, search_pairs.RUN}
        )
        self.assertEqual(
            search_pairs.offers(JOBS, {**job, 'user_credentials': None}),
            search_pairs.index_pairs(JOBS, {**job, 'user_credentials': None})
            - {('client_id', 'osc')},
        )

    def test_text_is_folded_and_cut_at_its_bound(self):
        body = {'b': 'Straße', 'a': ['STRASSE', {'c': 'x'}], 'n': 5, 'k': True, 'o': {'p': 'X'}}
        self.assertEqual('strasse\0x', search_pairs.folded_text(SESSIONS, body))
        self.assertEqual('ab' * 500, search_pairs.folded_text(SESSIONS, {'a': 'aB' * 500 + 'c'}))
        # Characters of the text count, not those that they fold to.
        self.assertEqual(
            'ss' * 999 + 'x', search_pairs.folded_text(SESSIONS, {'a': 'ß' * 999 + 'XY'})
        )
        self.assertEqual('', search_pairs.folded_text(SESSIONS, {'a': 5}))


class Matches(unittest.TestCase):
    def _finds(self, body, expected, match=(), match_not=()):
        self.assertIs(
            expected,
            search_query.matches(parsed(match, match_not), SESSIONS, body),
            (match, match_not),
        )

    def test_match_needs_all_and_match_not_none(self):
        body = {
            'hold_off': 50,
            'schedule': {'schedule_interval': '5 days'},
            'list': ['x', 'y'],
            'null': None,
        }
        self._finds(body, True, [{'hold_off': 50}], [{'schedule_interval': '10 days'}])
        self._finds(body, False, [{'hold_off': 50}], [{'schedule_interval': '5 days'}])
        self._finds(body, False, [{'hold_off': 50}, {'hold_off': 51}])
        self._finds(body, True, [{'list': 'x'}, {'list': 'y'}, {'hold_off': 50.0}])
        self._finds(body, False, [{'missing': None}])
        self._finds(body, True, [{'null': None}], [{'missing': None}])
        self._finds(body, True)

    def test_text_is_found_anywhere_in_any_case(self):
        body = {'a': 'The Quick_Brown', 'o': {'b': 'fox 100%', 'c': 'ß'}, 'n': 12}
        for text, expected in (
            ('quick_b', True),
            ('quickxb', False),
            ('100%', True),
            ('0%x', False),
            ('*', False),
            ('SS', True),
            ('12', False),
            ('', True),
            ('brownfox', False),
            ('[]', False),
        ):
            self._finds(body, expected, [{'_all': text}])
            self._finds(body, not expected, [], [{'_all': text}])

    def test_fields_inside_all_are_conditions(self):
        body = {'a': 'x', 'b': 1}
        self._finds(body, True, [{'_all': '[{"a": "x"}, {"b": 1}]'}])
        self._finds(body, False, [{'_all': '[{"a": "x"}, {"b": 2}]'}])
        self._finds(body, False, [], [{'_all': '[{"b": 1}]'}])
        self._finds(body, True, [], [{'_all': '[{"b": 3}]'}])
        self._finds({'a': '[5]'}, True, [{'_all': '[5]'}])
        self._finds({'a': '{"a": 1}'}, True, [{'_all': '{"a": 1}'}])
        self._finds({'_all': 'x'}, True, [{'_all': '[{"_all": "x"}]'}])

    def test_search_inside_all_is_a_search(self):
        """What users type behind a command's ``--search``."""
        body = {'a': 'x', 'b': 1, 'c': 'Some Text'}
        for typed, expected in (
            ('{"match": [{"a": "x"}]}', True),
            ('{"match": [{"a": "y"}]}', False),
            ('{"match_not": [{"a": "x"}]}', False),
            ('{"match": [{"a": "x"}, {"b": 1}], "match_not": [{"b": 2}]}', True),
            ('{"match": [{"a": "x"}], "match_not": [{"b": 1}]}', False),
            ('{"match": []}', True),
            ('{"match": [{"_all": "some t"}]}', True),
            ('{"match_not": [{"_all": "some t"}]}', False),
            ('{"match": [{"_all": "[{}]"}]}', False),
            ('{"match": [{"missing": null}]}', False),
        ):
            self._finds(body, expected, [{'_all': typed}])
            self._finds(body, False, [{'_all': typed}, {'a': 'y'}])
            self._finds(body, False, [{'_all': typed}], [{'b': 1}])

    def test_search_inside_all_can_be_excluded(self):
        body = {'a': 'x', 'b': 1}
        for typed, expected in (
            ('{"match": [{"a": "x"}]}', False),
            ('{"match": [{"a": "y"}]}', True),
            ('{"match": [{"a": "y"}, {"b": 1}]}', False),
            ('{"match_not": [{"a": "x"}]}', True),
            ('{"match_not": [{"a": "y"}]}', False),
            ('{"match": [{"a": "y"}], "match_not": [{"b": 1}]}', True),
        ):
            self._finds(body, expected, [], [{'_all': typed}])

    def test_other_objects_are_texts(self):
        for text in ('{}', '{"matches": []}', '{"match": [], "other": 1}', '"match"', '5'):
            self.assertEqual({text}, parsed([{'_all': text}]).texts)

    def test_matches_agrees_with_the_drivers_table(self):
        for scene in search_cases.SCENES:
            bodies = {id: scene.body(id, 'p') for id in scene.documents}
            for asked, expected in scene.searches():
                query = search.parse(asked, scene.kind)
                with self.subTest(kind=scene.kind, search=asked):
                    self.assertEqual(
                        expected,
                        [
                            id
                            for id, body in bodies.items()
                            if search_query.matches(query, scene.kind, body)
                        ],
                    )


class Parse(unittest.TestCase):
    def test_absent_search_has_no_condition(self):
        self.assertEqual(search_query.Query(limit=3), search.parse(None, JOBS, limit=3))
        self.assertEqual(search_query.Query(), search.parse({}, JOBS))
        self.assertEqual(frozenset(), search.parse({'match': []}, JOBS).pairs)

    def test_time_bounds_become_microseconds(self):
        for value, moment in (
            (5, 5_000_000),
            (5.25, 5_250_000),
            ('5', 5_000_000),
            ('5.25', 5_250_000),
            (-1, -1_000_000),
            (0, 0),
            (10**30, 2**63 - 1),
            (1e308, 2**63 - 1),
            (-1e308, 1 - 2**63),
            ('9' * 20, 2**63 - 1),
            ('-7.5', -7_500_000),
        ):
            self.assertEqual((moment, None), self._bounds({'time_after': value}), value)
            self.assertEqual(
                (None, moment), self._bounds({'time_before': value, 'match': []}), value
            )
        self.assertEqual((None, None), self._bounds({'match': []}))
        self.assertEqual(
            (1_000_000, 2_000_000), self._bounds({'time_after': 1, 'time_before': '2'})
        )

    @staticmethod
    def _bounds(asked):
        query = search.parse(asked, BACKUPS)
        return query.since, query.until

    def test_malformed_time_bound_is_refused(self):
        for value in (
            None,
            True,
            False,
            '',
            ' 1',
            '1 ',
            '+1',
            '1e5',
            'now',
            '2015-04-08',
            '٣',
            '1.',
            '.5',
            'nan',
            '9' * 21,
            [5],
            {},
        ):
            for bound in ('time_after', 'time_before'):
                with (
                    self.subTest(value),
                    self.assertRaisesRegex(
                        exceptions.InvalidInput, rf'^search\.{bound}: must be a number'
                    ),
                ):
                    search.parse({bound: value}, BACKUPS)

    def test_only_backups_have_bounds(self):
        for kind in documents.RESOURCES:
            if kind != BACKUPS:
                self._refused(
                    {'time_before': 5},
                    kind,
                    r'^search\.time_before: unknown key; expected match or match_not',
                )
        self._refused({'time': 5}, BACKUPS, 'expected match, match_not, time_after or time_before')

    def _refused(self, asked, kind, why):
        with self.assertRaisesRegex(exceptions.InvalidInput, why):
            search.parse(asked, kind)

    def test_malformed_search_is_refused_with_its_fault(self):
        for bad, part in BAD:
            with self.subTest(bad), self.assertRaisesRegex(exceptions.InvalidInput, part):
                search.parse(bad, JOBS)

    def test_integers_in_a_list_are_bounded_as_others_are(self):
        for large in (2**64, -(2**63) - 1, '9' * 300):
            for typed in (f'[{{"a": 5.5}}, {{"a": {large}}}]', f'{{"match": [{{"a": {large}}}]}}'):
                self._refused(
                    {'match': [{'_all': typed}]},
                    JOBS,
                    r'_all: must not contain integers beyond 64 bits',
                )
        for value in (2**64 - 1, -(2**63), 1e30):
            self.assertEqual(
                {('a', search_pairs.canonical(value))},
                parsed([{'_all': f'[{{"a": {value}}}]'}]).pairs,
            )

    def test_long_search_is_accepted_and_its_error_short(self):
        self.assertEqual(
            30, len(search.parse({'match': [{'a': n} for n in range(30)]}, JOBS).pairs)
        )
        self.assertEqual({'x' * 256}, parsed([{'_all': 'X' * 256}]).texts)
        with self.assertRaises(exceptions.InvalidInput) as caught:
            search.parse({'k' * 1000: 1}, JOBS)
        self.assertLess(len(caught.exception.message), 200)


class ParsePage(unittest.TestCase):
    def _page(self, limit=None, offset=None, marker=None, sort=None, most=1000):
        return search_query.parse_page(limit, offset, marker, sort, most)

    def test_limit_has_a_default_and_a_maximum(self):
        for text, expected in (
            (None, 10),
            ('0', 10),
            ('00', 10),
            ('1', 1),
            ('1000', 1000),
            ('1001', 1000),
            ('9' * 40, 1000),
            ('007', 7),
        ):
            self.assertEqual(expected, self._page(text)['limit'], text)
        for text in (None, '0', '5', '6'):
            self.assertEqual(5, self._page(text, most=5)['limit'], text)

    def test_offset_is_a_number_or_a_marker(self):
        for text, expected in (
            ('0', {'offset': 0}),
            ('999999999', {'offset': 999999999}),
            ('1234567890', {'marker': '1234567890'}),
            ('12a', {'marker': '12a'}),
            ('_', {'marker': '_'}),
        ):
            page = self._page(offset=text)
            self.assertEqual(
                expected, {key: page[key] for key in page if key in ('offset', 'marker')}
            )
        self.assertEqual('12', self._page(marker='12')['marker'])

    def test_sort_sets_the_direction(self):
        for sort, descending in (
            (None, False),
            ('created', False),
            ('created:asc', False),
            ('created:desc', True),
        ):
            self.assertIs(descending, self._page(sort=sort)['descending'])

    def test_malformed_page_parameter_is_refused_by_name(self):
        for name, values in (
            ('limit', ('-1', '1.5', 'x', '', ' 1', '+1', '1_0', '١', '1\n')),
            ('offset', ('-1', '', 'a b', '-', '1\n', '١', 'x' * 256)),
            ('marker', ('', '-1', '.', 'a/b', 'é', 'a\n')),
            ('sort', ('', 'name', 'created:down', 'created:desc,id', 'CREATED')),
        ):
            for value in values:
                with (
                    self.subTest(name=name, value=value),
                    self.assertRaisesRegex(exceptions.InvalidInput, f'^{name}: '),
                ):
                    self._page(**{name: value})
        with self.assertRaisesRegex(exceptions.InvalidInput, 'marker'):
            self._page(offset='5', marker='x')

    def test_query_takes_the_parameters_of_a_page(self):
        query = search.parse(
            {'match': [{'a': 1}]}, JOBS, **self._page('5', marker='m', sort='created:desc')
        )
        self.assertEqual(5, query.limit)
        self.assertEqual('m', query.marker)
        self.assertIs(True, query.descending)
        self.assertEqual(frozenset({('a', 'n1')}), query.pairs)


class Counting(unittest.TestCase):
    """How many pairs a document offers, as far as that is to be known."""

    def test_count_equals_the_pairs_offered(self):
        body = {'a': [1, 1.0, True, [2, [3]]], 'b': {'a': 9, 'c': 'x'}, 'd': [], 'e': None}
        self.assertEqual(
            len(search_pairs.offers('backups', body)), search_pairs.count('backups', body)
        )

    def test_count_stops_beyond_the_bound(self):
        body = {'values': list(range(1000))}
        self.assertEqual(
            [11, 1000, 1000],
            [search_pairs.count('backups', body, most) for most in (10, 1000, 2000)],
        )
