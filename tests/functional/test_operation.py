"""What load balancers, proxies and web pages of other origins meet: every route under every verb,
prefix and host.
"""

import itertools
import re
import typing
import urllib.parse

from freezer_api.controllers import routes, routing
from tests.functional import base, matrix

VERBS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')
PREFIX = '/backup'


class RoutesTest(matrix.MatrixTest):
    """Has documents for every route."""

    def setUp(self):
        super().setUp()
        self.prepare()
        self.routes = routing.Router(routes.table(self.service.storage, 1000)).routes
        self.parts = {
            'project_id': 'alpha',
            'session_id': 'session',
            'job_id': 'job',
            'action_id': 'action',
            'client_id': 'client',
            'session_tag': '1',
            'backup_id': self.ids['alpha']['backup'],
        }

    def path(self, pattern: str) -> str:
        """A path of a route to what is there."""
        return pattern.format(**self.parts) or '/'

    def told(self, answer: base.Answer) -> tuple[typing.Any, ...]:
        """An answer without its request's id."""
        return (
            answer.status,
            [pair for pair in answer.headers.items() if pair[0] != 'x-openstack-request-id'],
            answer.raw,
        )


class TestVerbs(RoutesTest):
    def test_head_is_get_without_a_body(self):
        for route in self.routes:
            if 'GET' in route.endpoints:
                got, head = (
                    self.call('GET', self.path(route.pattern)),
                    self.call('HEAD', self.path(route.pattern)),
                )
                self.assertLess(got.code, 400, route.pattern)
                self.assertEqual((*self.told(got)[:2], b''), self.told(head), route.pattern)

    def test_options_lists_the_verbs_of_each_route(self):
        for route in self.routes:
            for token in (base.MEMBER, None):
                answer = self.call('OPTIONS', self.path(route.pattern), token=token)
                self.assertEqual(200, answer.code, route.pattern)
                self.assertEqual(b'', answer.raw, route.pattern)
                self.assertEqual('0', answer.headers['Content-Length'], route.pattern)
                self.assertEqual(
                    {*route.endpoints, 'OPTIONS'},
                    set(answer.headers['Allow'].split(', ')),
                    route.pattern,
                )
                self.assertEqual('GET' in route.endpoints, 'HEAD' in route.endpoints)

    def test_other_verbs_get_405(self):
        for route in self.routes:
            for verb in {*VERBS, 'TRACE'} - {*route.endpoints}:
                answer = self.call(verb, self.path(route.pattern), {})
                self.assertEqual(405, answer.code, (verb, route.pattern))
                self.assertEqual(route.allow, answer.headers['Allow'])
                if verb != 'HEAD':
                    self.assert_error(answer, '405 Method Not Allowed', verb)

    def test_a_verb_that_is_not_there_changes_nothing(self):
        before = self.seen()
        for route in self.routes:
            for verb in {*VERBS} - {*route.endpoints}:
                self.call(
                    verb, self.path(route.pattern), {'schedule': {}, 'description': 'changed'}
                )
        self.assertEqual(before, self.seen())

    def test_every_answer_has_a_request_id(self):
        given = 'req-12345678-1234-1234-1234-123456789abc'
        for route in self.routes:
            for verb, token in itertools.product((*VERBS, 'OPTIONS'), (base.MEMBER, None)):
                made = self.call(verb, self.path(route.pattern), b'', token=token).headers.getall(
                    'x-openstack-request-id'
                )
                self.assertEqual(1, len(made), (verb, route.pattern))
                self.assertRegex(made[0], '^req-[-0-9a-f]{36}$')
                kept = self.call(
                    verb, self.path(route.pattern), b'', token=token, X_OpenStack_Request_ID=given
                )
                self.assertEqual(
                    [given], kept.headers.getall('x-openstack-request-id'), (verb, route.pattern)
                )

    def test_a_trailing_slash_is_the_same_path(self):
        for route in self.routes:
            path = self.path(route.pattern).rstrip('/')
            for verb in ('GET', 'HEAD', 'OPTIONS', 'TRACE'):
                self.assertEqual(
                    self.told(self.call(verb, path or '/')),
                    self.told(self.call(verb, f'{path}/')),
                    route.pattern,
                )
        for operation in matrix.OPERATIONS:
            if operation.writes:
                self.prepare()
                path, mark, query = operation.path.format(**self.ids['alpha']).partition('?')
                answer = self.call(
                    operation.method,
                    f'/v2/alpha{path}/{mark}{query}',
                    operation.body,
                    token='admin@ops',
                )
                self.assertEqual(operation.codes['admin'], answer.code, operation)

    def test_two_slashes_get_404(self):
        for route in self.routes:
            if route.pattern:
                self.assertEqual(
                    404, self.call('GET', f'{self.path(route.pattern)}//').code, route.pattern
                )


class TestPrefix(RoutesTest):
    """The service lives below a path: the server says so in SCRIPT_NAME."""

    def below(
        self, method: str, path: str, body: typing.Any = None, **others: typing.Any
    ) -> base.Answer:
        """A request to the service below the prefix, for a path as its links have it."""
        url = urllib.parse.urlsplit(path)
        self.assertTrue(url.path.startswith(PREFIX), path)
        environ = {
            'SCRIPT_NAME': PREFIX,
            'PATH_INFO': urllib.parse.unquote(url.path.removeprefix(PREFIX)),
        }
        return self.call(method, f'/?{url.query}', body, environ=environ, **others)

    def test_every_route_is_served_below_the_prefix(self):
        for route in self.routes:
            path = self.path(route.pattern) if route.pattern else ''
            for verb in ('GET', 'HEAD', 'OPTIONS', 'PUT'):
                plain, prefixed = self.call(verb, path or '/'), self.below(verb, PREFIX + path)
                if route.pattern or verb != 'GET':
                    self.assertEqual(plain.status, prefixed.status, (verb, route.pattern))
                    self.assertEqual(plain.headers.get('Allow'), prefixed.headers.get('Allow'))
        for path in ('/healthcheck', '/healthcheck/ready'):
            self.assertEqual(200, self.below('GET', PREFIX + path, token=None).code)
        self.assertEqual(
            201, self.below('POST', f'{PREFIX}/v2/alpha/sessions/', {'schedule': {}}).code
        )
        self.assertEqual(401, self.below('GET', f'{PREFIX}/v2/alpha/sessions', token=None).code)
        self.assert_error(self.below('GET', f'{PREFIX}{PREFIX}/v2/alpha/sessions'), '404')

    def test_version_links_have_the_prefix(self):
        for path in ('', '/'):
            for scheme in ('http', 'https'):
                environ = {
                    'SCRIPT_NAME': PREFIX,
                    'PATH_INFO': path,
                    'wsgi.url_scheme': scheme,
                    'HTTP_HOST': 'cloud:5000',
                }
                (version,) = self.call('GET', '/', environ=environ).json['versions']
                self.assertEqual(f'{scheme}://cloud:5000{PREFIX}/v2/', version['links'][0]['href'])
        self.assertEqual(200, self.below('GET', f'{PREFIX}/v2/').code)

    def test_next_links_of_every_list_have_the_prefix(self):
        self.fill()
        for route in self.routes[2:]:
            endpoint = route.endpoints.get('GET')
            if endpoint is None or 'marker' not in endpoint.parameters:
                continue
            name = route.pattern.rpartition('/')[2]
            search = (
                {'match_not': [{'description': 'a/b &ü'}]}
                if 'search' in endpoint.parameters
                else None
            )
            seen, link = [], f'{PREFIX}{self.path(route.pattern)}?limit=1'
            while link:
                page = self.below('GET', link, search).json
                seen += page[name]
                search = None
                following = page.get(f'{name}_links', [{'rel': 'next', 'href': ''}])
                self.assertEqual(['next'], [one['rel'] for one in following])
                link = following[0]['href']
            self.assertEqual(
                self.call('GET', f'{self.path(route.pattern)}?limit=1000').json[name],
                seen,
                route.pattern,
            )
            self.assertGreater(len(seen), 1, route.pattern)

    def fill(self) -> None:
        """A second document of every kind, and a second run."""
        self.make_client('second')
        self.make_session('second')
        self.do(
            202, 'POST', '/sessions/session/action', {'start': {'job_id': 'job', 'current_tag': 1}}
        )
        self.do(201, 'POST', '/backups', {'backup_name': 'b', 'container': 'c', 'hostname': 'h'})


class TestHome(RoutesTest):
    """The home document, as a client uses it that knows nothing else."""

    def test_every_relation_leads_to_what_it_says(self):
        for name, resource in self.call('GET', '/v2', token=None).json['resources'].items():
            variables = resource['href-vars']
            self.assertEqual(set(variables), set(re.findall(r'{(\w+)}', resource['href-template'])))
            self.assertEqual(
                {f'param/{variable}' for variable in variables}, set(variables.values())
            )
            self.assertEqual({'application/json': {}}, resource['hints']['formats'])
            path = self.path(resource['href-template'])
            allow = self.call('OPTIONS', path, token=None).headers['Allow'].split(', ')
            self.assertEqual(
                set(allow) - {'HEAD', 'OPTIONS'}, set(resource['hints']['allow']), name
            )
            if 'GET' in resource['hints']['allow']:
                self.assertEqual('GET', resource['hints']['allow'][0])
                self.assertEqual(200, self.call('GET', path).code, name)

    def test_every_resource_has_a_relation(self):
        templates = {
            resource['href-template']
            for resource in self.call('GET', '/v2', token=None).json['resources'].values()
        }
        # Lists are found by leaving the id away; clients call an action by another name.
        told = {
            *templates,
            *(template.rpartition('/')[0] for template in templates if template.endswith('}')),
            '',
            '/v2',
            '/v2/openapi.json',
            f'{routes.PROJECT}/sessions/{{session_id}}/action',
        }
        self.assertEqual(set(), {route.pattern for route in self.routes} - told)


class TestHosts(base.FunctionalTest):
    """Where the service says that it is."""

    def href(self, environ: dict[str, typing.Any] | None = None, **headers: str) -> str:
        """The link of the one version."""
        answer = self.call('GET', '/', token=None, environ=environ, **headers)
        self.assertEqual('300 Multiple Choices', answer.status)
        (version,) = answer.json['versions']
        link, _description = version['links']
        return link['href']

    def test_links_name_the_host_that_was_asked(self):
        for host in (
            'one.example.org',
            'two.example.org:9090',
            '[2001:db8::1]:9090',
            '192.0.2.1',
            'one.example.org',
        ):
            self.assertEqual(f'http://{host}/v2/', self.href(Host=host))

    def test_links_without_a_host_name_the_server(self):
        environ = {'HTTP_HOST': '', 'SERVER_NAME': 'node-7', 'SERVER_PORT': '9090'}
        self.assertEqual('http://node-7:9090/v2/', self.href(environ))

    def test_links_follow_headers_of_a_trusted_proxy(self):
        told = (
            {
                'Forwarded': (
                    'for=192.0.2.60;proto=https;host=cloud.example.org:8443,'
                    ' for=192.0.2.61;host=inner'
                )
            },
            {
                'X_Forwarded_Proto': 'https',
                'X_Forwarded_Host': 'cloud.example.org:8443',
                'X_Forwarded_For': '192.0.2.60',
            },
        )
        for headers in told:
            self.assertEqual('http://inner/v2/', self.href(Host='inner', **headers))
            self.assertEqual(
                'http://inner/v2/', self.href(Host='inner', X_Forwarded_Prefix=PREFIX, **headers)
            )
        self.use(oslo_middleware__enable_proxy_headers_parsing=True)
        for headers in told:
            self.assertEqual(
                'https://cloud.example.org:8443/v2/', self.href(Host='inner', **headers)
            )
            prefixed = self.href(
                {'SCRIPT_NAME': '/inner'}, Host='inner', X_Forwarded_Prefix=PREFIX, **headers
            )
            self.assertEqual(f'https://cloud.example.org:8443{PREFIX}/inner/v2/', prefixed)
        self.assertEqual('http://inner/v2/', self.href(Host='inner'), 'nothing of it stays')

    def test_next_links_have_the_prefix_of_a_trusted_proxy(self):
        for trusted in (False, True):
            self.use(oslo_middleware__enable_proxy_headers_parsing=trusted)
            for number in range(2):
                self.make_session(f'session-{number}')
            answer = self.call(
                'GET',
                '/v2/alpha/sessions?limit=1',
                X_Forwarded_Prefix=PREFIX,
                X_Forwarded_Host='cloud.example.org',
            )
            prefix = PREFIX if trusted else ''
            self.assertEqual(
                f'{prefix}/v2/alpha/sessions?limit=1&marker=session-0',
                answer.json['sessions_links'][0]['href'],
            )

    def test_health_check_trusts_the_address_of_a_proxy(self):
        """The address that a trusted proxy tells counts; else the proxy's own."""
        asked = {
            'environ': {'REMOTE_ADDR': '198.51.100.1'},
            'X_Forwarded_For': '192.0.2.1',
            'token': None,
        }
        for trusted, code in ((False, 401), (True, 200)):
            self.use(
                healthcheck__allowed_source_ranges=['192.0.2.0/24'],
                oslo_middleware__enable_proxy_headers_parsing=trusted,
            )
            for path in ('/healthcheck', '/healthcheck/ready'):
                self.assertEqual(code, self.call('GET', path, **asked).code)


class TestOrigins(base.FunctionalTest):
    """Web pages of other origins, where ``[cors] allowed_origin`` names them."""

    HORIZON = 'https://horizon.example.org'
    SESSIONS = '/v2/alpha/sessions'

    def setUp(self):
        super().setUp()
        self.use(cors__allowed_origin=[self.HORIZON, 'https://skyline.example.org'])

    def test_every_route_answers_a_preflight(self):
        table = routing.Router(routes.table(self.service.storage, 1000)).routes
        for route in table:
            path = re.sub(r'{\w+}', '1', route.pattern) or '/'
            for verb in route.endpoints:
                for headers in (
                    'X-Auth-Token, Content-Type',
                    'x-openstack-request-id',
                    'If-Match, If-None-Match',
                    '',
                ):
                    answer = self.call(
                        'OPTIONS',
                        path,
                        token=None,
                        Origin=self.HORIZON,
                        Access_Control_Request_Method=verb,
                        Access_Control_Request_Headers=headers,
                    )
                    self.assertEqual(200, answer.code)
                    self.assertEqual(self.HORIZON, answer.headers['Access-Control-Allow-Origin'])
                    self.assertEqual(verb, answer.headers['Access-Control-Allow-Methods'])

    def test_foreign_preflight_is_refused(self):
        for origin, method, headers in (
            ('https://evil.example.org', 'GET', ''),
            ('null', 'GET', ''),
            (self.HORIZON, 'SESAME', ''),
            (self.HORIZON, 'GET', 'X-Roles'),
            (self.HORIZON, '', ''),
        ):
            answer = self.call(
                'OPTIONS',
                self.SESSIONS,
                token=None,
                Origin=origin,
                Access_Control_Request_Method=method,
                Access_Control_Request_Headers=headers,
            )
            self.assertNotIn(
                'Access-Control-Allow-Methods', answer.headers, (origin, method, headers)
            )

    def test_allowed_origins_can_read_every_answer(self):
        self.make_session()
        for origin in (self.HORIZON, 'https://skyline.example.org'):
            for method, path, body, token, code in (
                ('GET', '/sessions', None, base.MEMBER, 200),
                ('GET', '/sessions', None, None, 401),
                ('GET', '/sessions', None, 'nothing@alpha', 403),
                ('GET', '/sessions/none', None, base.MEMBER, 404),
                ('PUT', '/sessions', None, base.MEMBER, 405),
                ('POST', '/sessions', b'{', base.MEMBER, 753),
                ('POST', '/sessions', {}, base.MEMBER, 400),
                ('DELETE', '/sessions/none', None, base.MEMBER, 204),
                ('PATCH', '/sessions/session', {'hold_off': 1}, base.MEMBER, 200),
            ):
                answer = self.call(method, f'/v2/alpha{path}', body, token=token, Origin=origin)
                self.assertEqual(code, answer.code)
                self.assertEqual(origin, answer.headers['Access-Control-Allow-Origin'])
                exposed = answer.headers['Access-Control-Expose-Headers'].lower()
                self.assertIn('x-openstack-request-id', exposed)
                self.assertIn('etag', exposed)
            for path in ('/', '/v2', '/healthcheck'):
                answer = self.call('GET', path, token=None, Origin=origin)
                self.assertEqual(origin, answer.headers['Access-Control-Allow-Origin'], path)

    def test_other_origins_cannot_read_answers(self):
        for origin in (
            'https://evil.example.org',
            'null',
            f'{self.HORIZON}.evil.example',
            f'{self.HORIZON}:8443',
            '',
        ):
            answer = self.call('GET', self.SESSIONS, Origin=origin)
            self.assertEqual(200, answer.code)
            self.assertNotIn('Access-Control-Allow-Origin', answer.headers)

    def test_answer_without_an_origin_has_no_cors_headers(self):
        self.assertNotIn('Access-Control-Allow-Origin', self.call('GET', self.SESSIONS).headers)
        self.assertEqual(
            'GET, HEAD, POST, PATCH, OPTIONS',
            self.call('OPTIONS', self.SESSIONS, token=None).headers['Allow'],
        )
