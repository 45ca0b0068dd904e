"""Lists: pages, links and the ways to send a search."""

import json
import urllib.parse

from tests.functional import base

SESSIONS = '/v2/alpha/sessions'


class TestPages(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.ids = [
            self.make_session(f'{name}.{number}', hold_off=number)
            for number, name in enumerate('cbadefghijkl')
        ]

    def found(self, query: str = '', body=None, **others) -> list[str]:
        """The ids that a list shows."""
        answer = self.do(200, 'GET', f'/sessions{query}', body, **others)
        return [session['session_id'] for session in answer['sessions']]

    def test_limit_bounds_the_page(self):
        self.assertEqual(self.ids[:10], self.found())
        self.assertEqual(self.ids[:10], self.found('?limit=0'))
        self.assertEqual(self.ids[:3], self.found('?limit=3'))
        self.assertEqual(self.ids, self.found('?limit=999999999999999999999'))

    def test_configured_limit_caps_the_page(self):
        self.use(api__max_limit=2)
        for number in range(3):
            self.make_session(f's{number}')
        self.assertEqual(['s0', 's1'], self.found('?limit=3'))
        self.assertEqual(['s0', 's1'], self.found())

    def test_offset_or_marker_begins_the_page(self):
        self.assertEqual(self.ids[2:4], self.found('?offset=2&limit=2'))
        self.assertEqual(self.ids[2:4], self.found(f'?marker={self.ids[1]}&limit=2'))
        self.assertEqual(self.ids[2:4], self.found(f'?offset={self.ids[1]}&limit=2'))
        self.assertEqual([], self.found('?offset=999999999'))

    def test_sort_orders_by_creation(self):
        self.assertEqual(self.ids, self.found('?limit=20&sort=created:asc'))
        self.assertEqual(self.ids[::-1], self.found('?limit=20&sort=created:desc'))

    def test_unknown_marker_is_refused(self):
        for marker in ('gone', '1234567890'):
            self.assert_error(
                self.call('GET', f'{SESSIONS}?offset={marker}'),
                '400',
                'offset: there is no document',
            )

    def test_links_lead_to_the_end(self):
        for query in ('?limit=5', '?limit=5&sort=created:desc', '?limit=3&offset=1'):
            answer, seen = self.do(200, 'GET', f'/sessions{query}'), []
            while True:
                seen += [session['session_id'] for session in answer['sessions']]
                if 'sessions_links' not in answer:
                    break
                (link,) = answer['sessions_links']
                self.assertEqual('next', link['rel'])
                answer = self.call('GET', link['href']).json
            expected = (
                self.ids[::-1]
                if 'desc' in query
                else self.ids[1:]
                if 'offset' in query
                else self.ids
            )
            self.assertEqual(expected, seen)

    def test_the_last_page_has_no_link(self):
        self.assertNotIn('sessions_links', self.do(200, 'GET', '/sessions?limit=12'))

    def test_search_is_read_from_body_or_parameter(self):
        search = {'match': [{'hold_off': 3}]}
        self.assertEqual([self.ids[3]], self.found(body=search))
        self.assertEqual(
            [self.ids[3]], self.found('?search=%7B%22match%22:[%7B%22hold_off%22:3%7D]%7D')
        )
        self.assertEqual(self.ids[:10], self.found(body={}))
        self.assertEqual(self.ids[:10], self.found('?search=%7B%7D'))

    def test_search_in_body_and_parameter_is_refused(self):
        self.assert_error(
            self.call('GET', f'{SESSIONS}?search=%7B%7D', {'match': []}), '400', 'both'
        )

    def test_the_link_takes_the_search_along(self):
        search = {'match_not': [{'hold_off': 3}, {'description': 'a&b=c é'}]}
        answer = self.do(200, 'GET', '/sessions?limit=10', search)
        query = urllib.parse.parse_qs(
            urllib.parse.urlsplit(answer['sessions_links'][0]['href']).query
        )
        self.assertEqual({'limit', 'marker', 'search'}, set(query))
        following = self.call('GET', answer['sessions_links'][0]['href']).json
        self.assertEqual(
            [self.ids[11]], [session['session_id'] for session in following['sessions']]
        )

    def test_invalid_search_is_refused(self):
        for search in (
            {'match': {}},
            {'match': [1]},
            {'match': [{}]},
            {'match': [{'a': 1, 'b': 2}]},
            {'match': [{'a': {}}]},
            {'match': [{'a': [1]}]},
            {'matches': []},
            {'match': [{'_all': 1}]},
            {'match': [{'_all': 'x' * 257}]},
            {'match': [{'a': number} for number in range(31)]},
            {'match': None},
        ):
            self.assert_error(self.call('GET', SESSIONS, search), '400', 'search')

    def test_search_for_impossible_values_is_refused(self):
        for text in (r'"\u0000"', r'"\ud800"', 'NaN', '1e400', '18446744073709551616'):
            search = f'{{"match": [{{"description": {text}}}]}}'
            self.assert_error(self.call('GET', SESSIONS, search.encode()), '400')
            self.assert_error(
                self.call('GET', f'{SESSIONS}?search={urllib.parse.quote(search)}'),
                '400',
                'search.match[0].description: ',
            )
        within = {'match': [{'_all': r'[{"description": "\u0000"}]'}]}
        self.assert_error(self.call('GET', SESSIONS, within), '400', 'NUL')
        deep = '{"match": ' + '[' * 64 + ']' * 64 + '}'
        self.assert_error(self.call('GET', SESSIONS, deep.encode()), '400', 'nested')
        self.assert_error(
            self.call('GET', f'{SESSIONS}?search={urllib.parse.quote(deep)}'), '400', 'nested'
        )

    def test_malformed_search_is_refused(self):
        self.assert_error(self.call('GET', SESSIONS, b'{"match": '), '753 Syntax Error')
        self.assert_error(self.call('GET', f'{SESSIONS}?search=%7B%22match%22:'), '400', 'search: ')
        self.assert_error(self.call('GET', SESSIONS, b'[]'), '400')

    def test_poll_of_an_agent_finds_its_open_jobs(self):
        self.make_job('one')
        self.make_job('two', 'client')
        self.make_job('three', 'elsewhere')
        self.do(200, 'PATCH', '/jobs/two', {'job_schedule': {'status': 'completed'}})
        found = self.do(
            200,
            'GET',
            '/jobs',
            {'match_not': [{'status': 'completed'}], 'match': [{'client_id': 'client'}]},
        )
        self.assertEqual(['one'], [job['job_id'] for job in found['jobs']])

    def test_a_link_repeats_each_condition_once(self):
        for number in range(3):
            self.make_session(f'again-{number}', description='same')
        same, other = {'description': 'same'}, {'hold_off': 7}
        answer = self.call(
            'GET',
            '/v2/alpha/sessions?limit=2',
            {'match': [same] * 10_000, 'match_not': [other, same | {'description': 'x'}, other]},
        ).json
        link = urllib.parse.urlsplit(answer['sessions_links'][0]['href'])
        repeated = json.loads(urllib.parse.parse_qs(link.query)['search'][0])
        self.assertEqual({'match': [same], 'match_not': [other, {'description': 'x'}]}, repeated)
        following = self.call('GET', answer['sessions_links'][0]['href']).json
        self.assertEqual(['again-2'], [each['session_id'] for each in following['sessions']])

    def test_every_kind_has_links(self):
        for number in range(2):
            self.make_job(f'job-{number}', f'client-{number}')
            self.do(201, 'POST', '/backups', {'backup_name': 'b', 'status': 'creating'})
        for kind in ('jobs', 'actions', 'clients', 'backups'):
            answer = self.do(200, 'GET', f'/{kind}?limit=1')
            self.assertEqual(1, len(answer[kind]))
            following = self.call('GET', answer[f'{kind}_links'][0]['href']).json
            self.assertEqual(1, len(following[kind]))
            self.assertNotEqual(answer[kind], following[kind])


class TestRuns(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.make_job()
        self.make_session(hold_off=0)
        self.do(204, 'PUT', '/sessions/session/jobs/job')
        now = [self.service.storage.clock()]
        self.service.storage.clock = lambda: now[0]
        for tag in range(3):
            now[0] += 1_000_000
            self.do(
                202,
                'POST',
                '/sessions/session/action',
                {'start': {'job_id': 'job', 'current_tag': tag}},
            )

    def test_runs_are_paged_newest_first(self):
        first = self.do(200, 'GET', '/sessions/session/runs?limit=2')
        self.assertEqual([3, 2], [run['session_tag'] for run in first['runs']])
        href = first['runs_links'][0]['href']
        self.assertEqual('/v2/alpha/sessions/session/runs?limit=2&marker=2', href)
        last = self.call('GET', href).json
        self.assertEqual([1], [run['session_tag'] for run in last['runs']])
        self.assertNotIn('runs_links', last)

    def test_run_is_shown_by_its_tag(self):
        self.assertEqual(2, self.do(200, 'GET', '/sessions/session/runs/2')['session_tag'])
        for tag in (0, 4, 2147483647):
            self.do(404, 'GET', f'/sessions/session/runs/{tag}')

    def test_unknown_marker_of_runs_is_refused(self):
        for marker in ('x', '-1', '2147483648', '77', '1.0'):
            self.do(400, 'GET', f'/sessions/session/runs?marker={marker}')
        self.do(404, 'GET', '/sessions/none/runs')
