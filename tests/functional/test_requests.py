"""What requests may look like, and what is said to those that may not. One test for each trap."""

import io
import json

from tests.functional import base

SESSIONS = '/v2/alpha/sessions'


class Chunked(io.RawIOBase):
    """A body whose length nobody has told; it comes in pieces."""

    def __init__(self, raw: bytes, size: int = 7):
        super().__init__()
        self._raw, self._size = io.BytesIO(raw), size

    def read(self, size: int = -1) -> bytes:
        """At most a piece."""
        return self._raw.read(self._size if size < 0 else min(size, self._size))

    def readline(self, size: int = -1) -> bytes:
        """Not used."""
        raise NotImplementedError

    readlines = __iter__ = readline


class TestBodies(base.FunctionalTest):
    """Everything that writes reads its body so."""

    def post(self, raw: bytes, **headers: str) -> base.Answer:
        """Create a session by a body as it is."""
        return self.call('POST', SESSIONS, raw, **headers)

    def chunked(self, method: str, path: str, raw: bytes, terminated: bool = True) -> base.Answer:
        """A request without Content-Length."""
        environ = {
            'wsgi.input': Chunked(raw),
            'CONTENT_LENGTH': '',
            'HTTP_TRANSFER_ENCODING': 'chunked',
        }
        if terminated:
            environ['wsgi.input_terminated'] = True
        return self.call(method, path, environ=environ)

    def test_malformed_json_is_753(self):
        for raw in (b'{', b'{"schedule": }', b'no', b'{} {}', b'\xff\xfe'):
            answer = self.post(raw)
            self.assert_error(answer, '753 Syntax Error')
            self.assertEqual('Syntax Error', answer.json['title'])

    def test_other_values_than_objects_are_refused(self):
        for raw in (b'[]', b'"x"', b'1', b'null', b'true'):
            self.assert_error(self.post(raw), '400 Bad Request', 'must be a JSON object')

    def test_empty_body_is_refused(self):
        for raw in (b'', b'  \n'):
            self.assert_error(self.post(raw), '400', 'empty')

    def test_content_type_is_ignored(self):
        for kind in (
            'application/json',
            'text/plain',
            'application/x-www-form-urlencoded',
            'multipart/form-data',
            'nonsense',
            '',
        ):
            self.assertEqual(201, self.post(b'{"schedule": {}}', Content_Type=kind).code, kind)
        self.assert_error(
            self.post(b'schedule=1', Content_Type='application/x-www-form-urlencoded'), '753'
        )

    def test_impossible_values_are_refused(self):
        for text in (
            r'"\u0000"',
            r'"\ud800"',
            'NaN',
            'Infinity',
            '-Infinity',
            '1e400',
            '[' * 65 + ']' * 65,
            '18446744073709551616',
            '-9223372036854775809',
            '"\0"',
        ):
            # A byte, and the depth, are of the body as a whole.
            is_of_body = '\0' in text or text.startswith('[')
            for key in ('unknown', 'description'):
                body = f'{{"schedule": {{}}, "{key}": {text}}}'
                place = 'body: ' if is_of_body else f'{key}: '
                self.assert_error(self.post(body.encode()), '400', place)
        self.assert_error(self.post(rb'{"schedule": {}, "a\u0000": 1}'), '400', 'NUL')
        self.assertEqual([], self.do(200, 'GET', '/sessions')['sessions'])

    def test_unknown_keys_are_kept_out(self):
        session_id = self.make_session(
            unknown={'a': [1]}, jobs={'x': {}}, project_id='beta', user_id='x', status='running'
        )
        shown = self.do(200, 'GET', f'/sessions/{session_id}')
        self.assertNotIn('unknown', shown)
        self.assertEqual('alpha', shown['project_id'])
        self.assertEqual('user-member@alpha', shown['user_id'])
        self.assertEqual({}, shown['jobs'])
        self.assertEqual('active', shown['status'])

    def test_chunked_body_is_read(self):
        answer = self.chunked('POST', SESSIONS, b'{"schedule": {}, "description": "in pieces"}')
        self.assertEqual(201, answer.code, answer.raw)
        found = self.chunked('GET', SESSIONS, b'{"match": [{"description": "in pieces"}]}').json[
            'sessions'
        ]
        self.assertEqual([answer.json['session_id']], [session['session_id'] for session in found])
        self.assertEqual(
            [], self.chunked('GET', SESSIONS, b'{"match": [{"description": "x"}]}').json['sessions']
        )

    def test_chunked_body_not_passed_on_is_refused(self):
        self.assert_error(
            self.chunked('GET', SESSIONS, b'{}', terminated=False), '400', 'Content-Length'
        )

    def test_body_beyond_the_limit_gets_413(self):
        self.use(oslo_middleware__max_request_body_size=1000)
        fits = json.dumps({'schedule': {}, 'description': 'x' * 900}).encode()
        self.assertEqual(201, self.post(fits).code)
        self.assertEqual(201, self.chunked('POST', SESSIONS, fits).code)
        much = json.dumps({'schedule': {}, 'description': 'x' * 990}).encode()
        self.assert_error(self.post(much), '413', 'larger than 1000 bytes')
        self.assert_error(self.chunked('POST', SESSIONS, much), '413', 'larger than 1000 bytes')
        self.assert_error(self.call('GET', SESSIONS, much), '413')

    def test_default_limit_is_four_mebibytes(self):
        self.assert_error(self.post(b' ' * (4 * 2**20 + 1)), '413')
        self.assert_error(self.post(b' ' * 4 * 2**20), '400', 'empty')

    def test_bodies_that_are_not_needed_are_not_read(self):
        session_id = self.make_session()
        for raw in (b'{', b'\0', b'[' * 100):
            self.assertEqual(200, self.call('GET', f'{SESSIONS}/{session_id}', raw).code)
            self.assertEqual(204, self.call('DELETE', f'{SESSIONS}/other', raw).code)


class TestPaths(base.FunctionalTest):
    def test_ids_with_dots_are_served(self):
        for session_id in ('backup.json', 'a.b.c', 'x.tar.gz', '_.html', '9.xml'):
            self.assertEqual(session_id, self.make_session(session_id))
            for path in (session_id, f'{session_id}/'):
                answer = self.call('GET', f'{SESSIONS}/{path}')
                self.assertEqual(200, answer.code)
                self.assertEqual('application/json', answer.headers['Content-Type'])
                self.assertEqual(session_id, answer.json['session_id'])

    def test_a_trailing_slash_is_the_same_path(self):
        self.make_job()
        session_id = self.make_session()
        for path in (
            '/sessions/',
            f'/sessions/{session_id}/',
            f'/sessions/{session_id}/runs/',
            '/jobs/job/',
        ):
            self.do(200, 'GET', path)
        self.do(204, 'PUT', f'/sessions/{session_id}/jobs/job/')
        self.do(201, 'POST', '/sessions/', {'schedule': {}})

    def test_unknown_paths_get_404(self):
        below = [
            'sessions//',
            'sessions/a/nothing',
            'sessions/a/jobs',
            'sessions/a/b/c/d',
            '',
            'nothing',
        ]
        paths = ['/v1', '//', '/favicon.ico', '/v3/alpha/sessions', '/v2//sessions', '/v2/alpha']
        for path in [*paths, *(f'/v2/alpha/{path}' for path in below)]:
            self.assert_error(
                self.call('GET', path), '404 Not Found', 'resource could not be found'
            )

    def test_impossible_ids_get_404(self):
        for part in (
            '.x',
            '-x',
            'a%20b',
            'a%00',
            'a' * 256,
            '%C3%A9',
            '%ff',
            'a%0A',
            'a;b',
            '%F0%9F%98%80',
            '..',
        ):
            for path in (
                f'/v2/alpha/sessions/{part}',
                f'/v2/{part}/sessions',
                f'/v2/alpha/sessions/x/jobs/{part}',
            ):
                for verb in ('PUT', 'DELETE') if 'jobs' in path else ('GET',):
                    self.assert_error(self.call(verb, path, token='admin@ops'), '404')
        self.assertEqual(404, self.call('GET', f'/v2/alpha/sessions/{"a" * 255}').code)
        self.assertEqual(
            201, self.call('POST', f'/v2/alpha/sessions/{"a" * 255}', {'schedule': {}}).code
        )

    def test_job_ids_make_file_names_of_agents(self):
        """An agent's file is ``job_<id>.conf``, which has 255 characters at most."""
        longest, too_long = 'j' * 246, 'j' * 247
        self.assertEqual(255, len(f'job_{longest}.conf'))
        jobs = '/v2/alpha/jobs'
        body = {'client_id': 'c', 'job_actions': []}
        self.make_client('c')
        self.assertEqual(201, self.call('POST', f'{jobs}/{longest}', body).code)
        session_id = self.make_session()
        member = f'{SESSIONS}/{session_id}/jobs/{longest}'
        self.assertEqual(204, self.call('PUT', member).code)
        start = {'start': {'job_id': longest, 'current_tag': 0}}
        action = f'{SESSIONS}/{session_id}/action'
        self.assertEqual(202, self.call('POST', action, start).code)
        for verb, path in (
            ('GET', f'{jobs}/{too_long}'),
            ('DELETE', f'{jobs}/{too_long}'),
            ('PUT', f'{SESSIONS}/{session_id}/jobs/{too_long}'),
            ('DELETE', f'{SESSIONS}/{session_id}/jobs/{too_long}'),
        ):
            self.assert_error(self.call(verb, path), '404')
        self.assert_error(self.call('POST', f'{jobs}/{too_long}', body), '404')
        answer = self.call('POST', jobs, {**body, 'job_id': too_long})
        self.assert_error(answer, '400', 'job_id: must be an id: 1 to 246 letters')
        start['start']['job_id'] = too_long
        answer = self.call('POST', action, start)
        self.assert_error(answer, '400', 'start.job_id: must be an id: 1 to 246 letters')

    def test_impossible_tags_get_404(self):
        session_id = self.make_session()
        for tag in ('x', '-1', '1.0', '99999999999', '2147483648', '%D9%A1', '1e3'):
            self.assert_error(self.call('GET', f'{SESSIONS}/{session_id}/runs/{tag}'), '404')

    def test_attributes_of_controllers_are_not_reachable(self):
        for path in (
            '/versions',
            '/home',
            '/v2/versions',
            '/v2/alpha/sessions/x/storage',
            '/v2/alpha/storage',
            '/v2/alpha/get_all',
            '/v2/alpha/sessions/get_all/rule',
            '/route',
            '/v2/alpha/__class__',
        ):
            self.assert_error(self.call('GET', path), '404')

    def test_next_link_has_the_prefix(self):
        for _number in range(2):
            self.make_session(f'session-{_number}')
        answer = self.call('GET', '/v2/alpha/sessions?limit=1', environ={'SCRIPT_NAME': '/backup'})
        self.assertEqual(
            '/backup/v2/alpha/sessions?limit=1&marker=session-0',
            answer.json['sessions_links'][0]['href'],
        )


class TestVerbs(base.FunctionalTest):
    def test_method_in_the_query_is_ignored(self):
        session_id = self.make_session()
        answer = self.call('POST', f'{SESSIONS}/{session_id}?_method=DELETE', {'schedule': {}})
        self.assertEqual(201, answer.code)
        self.call(
            'POST', f'{SESSIONS}/{session_id}', {'schedule': {}}, X_HTTP_Method_Override='DELETE'
        )
        self.do(200, 'GET', f'/sessions/{session_id}')

    def test_head_answers_as_get_without_a_body(self):
        session_id = self.make_session()
        for path in (
            '/',
            '/v2',
            '/v2/openapi.json',
            '/v2/alpha/sessions',
            f'/v2/alpha/sessions/{session_id}',
            '/v2/alpha/sessions/none',
        ):
            got, head = self.call('GET', path), self.call('HEAD', path)
            self.assertEqual(b'', head.raw)
            self.assertEqual(got.status, head.status)
            for name in ('Content-Type', 'Content-Length', 'ETag'):
                self.assertEqual(got.headers.get(name), head.headers.get(name))

    def test_options_lists_the_verbs(self):
        answer = self.call('OPTIONS', SESSIONS, token=None)
        self.assertEqual('200 OK', answer.status)
        self.assertEqual(b'', answer.raw)
        self.assertEqual('GET, HEAD, POST, PATCH, OPTIONS', answer.headers['Allow'])
        self.assertEqual(404, self.call('OPTIONS', '/nothing').code)

    def test_other_verbs_get_405(self):
        for method in ('PUT', 'DELETE', 'TRACE', 'SESAME', 'get'):
            answer = self.call(method, SESSIONS)
            self.assert_error(answer, '405 Method Not Allowed', method)
            self.assertEqual('GET, HEAD, POST, PATCH, OPTIONS', answer.headers['Allow'])
        for path, allow in (
            ('/clients/x', 'GET, HEAD, DELETE, OPTIONS'),
            ('/jobs/x/event', 'POST, OPTIONS'),
        ):
            self.assertEqual(allow, self.call('PUT', f'/v2/alpha{path}').headers['Allow'])

    def test_no_content_has_no_body_and_no_type(self):
        answer = self.call('DELETE', f'{SESSIONS}/x')
        self.assertEqual('204 No Content', answer.status)
        self.assertEqual(b'', answer.raw)
        self.assertNotIn('Content-Type', answer.headers)


class TestAccept(base.FunctionalTest):
    def test_json_must_be_acceptable(self):
        for accept in (
            '*/*',
            'application/json',
            'application/*',
            'text/html, application/xhtml+xml, */*;q=0.8',
            'nonsense',
            '',
            'application/json;q=0.1, text/html',
            'text/plain, application/json',
        ):
            self.assertEqual(200, self.call('GET', SESSIONS, Accept=accept).code, accept)
        for accept in (
            'text/html',
            'application/xml, text/plain',
            'application/json;q=0',
            'application/json-home',
        ):
            self.assert_error(self.call('GET', SESSIONS, Accept=accept), '406 Not Acceptable')

    def test_nothing_is_written_where_json_is_not_acceptable(self):
        self.assertEqual(
            406, self.call('POST', SESSIONS, {'schedule': {}}, Accept='text/html').code
        )
        self.assertEqual([], self.do(200, 'GET', '/sessions')['sessions'])


class TestQuery(base.FunctionalTest):
    def test_parameter_given_twice_is_refused(self):
        for query in (
            'limit=1&limit=2',
            'limit=1&limit=1',
            'x=1&y=2&x=3',
            'search=%7B%7D&search=%7B%7D',
        ):
            self.assert_error(self.call('GET', f'{SESSIONS}?{query}'), '400', 'given twice')

    def test_malformed_parameters_are_refused(self):
        for query in (
            'limit=x',
            'limit=-1',
            'limit=1.5',
            'limit=',
            'limit=%00',
            'limit=%D9%A1',
            'offset=-1',
            'offset=a%20b',
            'marker=..',
            'marker=none',
            'marker=%00',
            'marker=a&offset=1',
            'sort=name',
            'sort=created:up',
            'search=%7B',
            'search=',
            'search=%5B%5D',
            'search=null',
        ):
            self.assert_error(self.call('GET', f'{SESSIONS}?{query}'), '400')

    def test_query_that_is_not_text_is_refused(self):
        for query in ('limit=%ff', 'x=%C3', '%FF=1', 'x=%00', 'x\xff=1', 'limit=1&x=%ED%A0%80'):
            answer = self.call('GET', SESSIONS, environ={'QUERY_STRING': query})
            self.assert_error(answer, '400', 'query: ')
        self.assert_error(
            self.call(
                'GET', SESSIONS, environ={'QUERY_STRING': '&'.join(f'x{n}=1' for n in range(101))}
            ),
            '400',
        )

    def test_unknown_parameters_are_ignored(self):
        self.assertEqual(200, self.call('GET', f'{SESSIONS}?verbose=1&_method=DELETE&fields=').code)
