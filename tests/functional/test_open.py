"""What surrounds the API: versions, the home document, health, request ids, and what the operator
may switch on.
"""

import contextlib
import logging
import sqlite3
import threading

import fixtures
from oslo_config import cfg
from oslo_log import formatters

from freezer_api import app, conf, exceptions
from freezer_api.middleware import errors, request_id
from tests.functional import base

ID = 'req-12345678-1234-1234-1234-123456789abc'
SESSIONS = '/v2/alpha/sessions'


class Broken:
    """A store around another one, whose check and reads end as is asked."""

    def __init__(self, inner):
        self._inner = inner
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def check(self):
        """As the store itself, unless it hangs or is broken."""
        self.gate.wait()
        if self.error:
            raise self.error
        self._inner.check()

    def get(self, *arguments):
        """Likewise."""
        if self.error:
            raise self.error
        return self._inner.get(*arguments)


class TestDocuments(base.FunctionalTest):
    def test_versions_link_to_the_host_that_was_asked(self):
        for path in ('/', ''):
            answer = self.call('GET', path, token=None, Host='backup.example.org:9090')
            self.assertEqual('300 Multiple Choices', answer.status)
            (version,) = answer.json['versions']
            self.assertEqual('v2', version['id'])
            self.assertEqual('CURRENT', version['status'])
            itself, description = version['links']
            self.assertEqual({'rel': 'self', 'href': 'http://backup.example.org:9090/v2/'}, itself)
            self.assertEqual('describedby', description['rel'])
            self.assertEqual('http://backup.example.org:9090/v2/openapi.json', description['href'])

    def test_versions_link_below_the_prefix(self):
        for path in ('/', ''):
            environ = {'SCRIPT_NAME': '/backup', 'PATH_INFO': path, 'wsgi.url_scheme': 'https'}
            answer = self.call('GET', '/', token=None, environ=environ)
            self.assertEqual(
                'https://localhost:80/backup/v2/', answer.json['versions'][0]['links'][0]['href']
            )

    def test_home_document_needs_no_token(self):
        for path, accept in (
            ('/v2', '*/*'),
            ('/v2/', 'application/json-home'),
            ('/v2', 'application/json'),
        ):
            answer = self.call('GET', path, token=None, Accept=accept)
            self.assertEqual('200 OK', answer.status)
            self.assertEqual('application/json-home', answer.headers['Content-Type'])
            backups = answer.json['resources']['rel/backups']
            self.assertEqual('/v2/{project_id}/backups/{backup_id}', backups['href-template'])
            self.assertEqual(
                {'project_id': 'param/project_id', 'backup_id': 'param/backup_id'},
                backups['href-vars'],
            )
            self.assertEqual('GET', backups['hints']['allow'][0])
            self.assertIn('application/json', backups['hints']['formats'])
            self.assertEqual('/v2/openapi.json', answer.json['api']['links']['describedBy'])
        self.assert_error(self.call('GET', '/v2', token=None, Accept='text/html'), '406')

    def test_home_names_every_resource(self):
        resources = self.call('GET', '/v2', token=None).json['resources']
        self.assertEqual(
            {
                'rel/sessions',
                'rel/session_jobs',
                'rel/session_actions',
                'rel/runs',
                'rel/jobs',
                'rel/job_events',
                'rel/actions',
                'rel/clients',
                'rel/backups',
                'rel/run_restores',
                'rel/job_checks',
                'rel/run_verifications',
                'rel/backup_restores',
            },
            {*resources},
        )
        for name, resource in resources.items():
            path = resource['href-template'].format(
                project_id='alpha',
                session_tag=1,
                **dict.fromkeys(
                    ('session_id', 'job_id', 'action_id', 'client_id', 'backup_id'), 'x'
                ),
            )
            allowed = self.call('OPTIONS', path, token=None).headers['Allow'].split(', ')
            self.assertEqual({*resource['hints']['allow']}, {*allowed} - {'HEAD', 'OPTIONS'}, name)

    def test_nothing_else_is_told_without_a_token(self):
        for path in (SESSIONS, '/v2/alpha', '/nothing', '/v2/alpha/sessions/x'):
            answer = self.call('GET', path, token=None)
            self.assertEqual(401, answer.code)
            self.assertEqual(
                'Unauthorized', answer.json['error']['title'], "keystonemiddleware's own"
            )


class TestFaults(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.use(storage=Broken)
        self.make_session()
        self.log = self.useFixture(fixtures.FakeLogger())

    def test_unavailable_store_gets_503_with_retry_after(self):
        self.service.storage.error = exceptions.StorageUnavailable(retry_after=7)
        answer = self.call('GET', f'{SESSIONS}/session')
        self.assert_error(answer, '503 Service Unavailable', 'try again')
        self.assertEqual('7', answer.headers['Retry-After'])
        self.service.storage.error = None
        self.do(200, 'GET', '/sessions/session')

    def test_unexpected_error_is_logged_and_not_told(self):
        self.service.storage.error = RuntimeError('SELECT secret FROM table')
        answer = self.call('GET', f'{SESSIONS}/session')
        self.assert_error(answer, '500 Internal Server Error')
        self.assertNotIn(b'secret', answer.raw)
        self.assertIn('SELECT secret FROM table', self.log.output)
        self.assertIn('Traceback', self.log.output)
        self.assertIn('x-openstack-request-id', answer.headers)

    def test_every_error_has_a_status(self):
        def kinds(kind):
            return [kind, *(inner for one in kind.__subclasses__() for inner in kinds(one))]

        for kind in kinds(exceptions.FreezerError):
            internal = kind is exceptions.FreezerError or kind.__name__.startswith('_')
            self.assertTrue(internal or any(one in errors.STATUSES for one in kind.__mro__), kind)


class TestHealth(base.FunctionalTest):
    """``/healthcheck``: the process lives, whatever the storage does."""

    def setUp(self):
        super().setUp()
        self.use(storage=Broken)

    def test_live_process_answers_ok(self):
        for path in ('/healthcheck', '/healthcheck/'):
            answer = self.call('GET', path, token=None)
            self.assertEqual('200 OK', answer.status)
            self.assertEqual(b'OK', answer.raw)
        answer = self.call('GET', '/healthcheck', token=None, Accept='application/json')
        self.assertEqual({'detailed': False, 'reasons': ['OK']}, answer.json)

    def test_liveness_ignores_the_store(self):
        self.service.storage.error = exceptions.StorageUnavailable()
        self.service.storage.gate.clear()
        self.addCleanup(self.service.storage.gate.set)
        self.assertEqual(200, self.call('GET', '/healthcheck', token=None).code)

    def test_file_switches_liveness_off(self):
        """Until it is gone again. Without one being named nothing is logged."""
        log_levels = dict(level.split('=') for level in self.service.conf.default_log_levels)
        self.assertEqual('ERROR', log_levels['oslo_middleware.healthcheck.disable_by_file'])
        path = self.service.folder / 'off'
        self.use(healthcheck__disable_by_file_path=path)
        log = self.useFixture(fixtures.FakeLogger())
        path.touch()
        answer = self.call('GET', '/healthcheck', token=None)
        self.assertEqual(503, answer.code)
        self.assertEqual(b'DISABLED BY FILE', answer.raw)
        path.unlink()
        self.assertEqual(200, self.call('GET', '/healthcheck', token=None).code)
        told = [line for line in log.output.splitlines() if 'request_id=' not in line]
        self.assertEqual([], told)

    def test_backend_of_the_operator_asks_the_storage(self):
        """The backend that asks the storage stays available to who has named it."""
        self.use(storage=Broken, healthcheck__backends='freezer_storage')
        self.assertEqual(200, self.call('GET', '/healthcheck', token=None).code)
        self.service.storage.error = exceptions.StorageUnavailable()
        self.assertEqual(503, self.call('GET', '/healthcheck', token=None).code)

    def test_invalid_option_stops_the_start(self):
        for options in (
            {'allowed_source_ranges': '192.0.2.0/64'},
            {'backends': 'disable_by_file,enable_by_files'},
        ):
            self.service.conf.clear_override('backends', 'healthcheck')
            for name, value in options.items():
                self.service.conf.set_override(name, value.split(','), 'healthcheck')
            error = self.assertRaises(
                cfg.ConfigFileValueError, app.build, self.service.conf, self.service.storage
            )
            self.assertIn('[healthcheck]', str(error))


class TestReadiness(base.FunctionalTest):
    """``/healthcheck/ready``: the process can serve."""

    def setUp(self):
        super().setUp()
        self.use(storage=Broken)

    def test_ready_process_answers_ok(self):
        for path in ('/healthcheck/ready', '/healthcheck/ready/'):
            answer = self.call('GET', path, token=None)
            self.assertEqual('200 OK', answer.status)
            self.assertEqual(b'OK', answer.raw)
        answer = self.call('GET', '/healthcheck/ready', token=None, Accept='application/json')
        self.assertEqual({'detailed': False, 'reasons': ['OK']}, answer.json)

    def test_other_methods_of_both_get_405(self):
        for path in ('/healthcheck', '/healthcheck/ready'):
            for method, status in (('POST', '405'), ('DELETE', '405'), ('OPTIONS', '200')):
                answer = self.call(method, path, token=None)
                self.assertEqual(status, answer.status[:3])
                self.assertEqual('GET, HEAD, OPTIONS', answer.headers['Allow'])
            answer = self.call('HEAD', path, token=None)
            self.assertEqual(2, answer.code // 100)
            self.assertEqual(b'', answer.raw)

    def test_unavailable_store_is_not_ready(self):
        self.service.storage.error = exceptions.StorageUnavailable('secret host')
        answer = self.call('GET', '/healthcheck/ready', token=None)
        self.assertEqual('503 Service Unavailable', answer.status)
        self.assertIn('text/plain', answer.headers['Content-Type'])
        self.assertEqual(b'storage unavailable', answer.raw)
        self.assertEqual(503, self.call('HEAD', '/healthcheck/ready', token=None).code)
        self.service.storage.error = None
        self.assertEqual(200, self.call('GET', '/healthcheck/ready', token=None).code)

    def test_store_of_another_schema_is_not_ready(self):
        self.use()
        sqlite = self.service.folder / 'freezer.sqlite'
        with contextlib.closing(sqlite3.connect(sqlite)) as connection:
            connection.execute('UPDATE freezer_schema SET version_num = "0000"')
            connection.commit()
        self.assertEqual(503, self.call('GET', '/healthcheck/ready', token=None).code)
        self.assertEqual(200, self.call('GET', '/healthcheck', token=None).code)

    def test_readiness_ignores_the_file_of_liveness(self):
        self.use(healthcheck__disable_by_file_path='/')
        self.assertEqual(503, self.call('GET', '/healthcheck', token=None).code)
        self.assertEqual(200, self.call('GET', '/healthcheck/ready', token=None).code)

    def test_details_are_told_only_where_switched_on(self):
        self.use(storage=Broken, healthcheck__detailed=True)
        self.service.storage.error = exceptions.StorageUnavailable('which host')
        answer = self.call('GET', '/healthcheck/ready', token=None, Accept='application/json')
        self.assertEqual('which host', answer.json['reasons'][0]['details'])

    def test_hanging_store_times_out_in_one_thread(self):
        self.use(storage=Broken, healthcheck__backends='freezer_storage')
        self.useFixture(
            fixtures.MonkeyPatch('freezer_api.middleware.health.StorageProbe.PATIENCE', 0.05)
        )
        self.service.storage.gate.clear()
        self.addCleanup(self.service.storage.gate.set)
        threads = threading.active_count()
        for path in ('/healthcheck', '/healthcheck/ready') * 3:
            self.assertEqual(b'storage timed out', self.call('GET', path, token=None).raw)
        self.assertLessEqual(threading.active_count(), threads + 1, 'no more than one waits')
        self.service.storage.gate.set()
        self.useFixture(
            fixtures.MonkeyPatch('freezer_api.middleware.health.StorageProbe.PATIENCE', 30)
        )
        self.assertEqual(b'OK', self.call('GET', '/healthcheck/ready', token=None).raw)

    def test_checks_from_other_addresses_get_404(self):
        self.use(healthcheck__allowed_source_ranges=['192.0.2.0/24'])
        refused = {'REMOTE_ADDR': '198.51.100.1'}
        for path in ('/healthcheck', '/healthcheck/ready'):
            self.assert_error(self.call('GET', path, environ=refused), '404')
            self.assertEqual(200, self.call('GET', path, environ={'REMOTE_ADDR': '192.0.2.1'}).code)


class TestRequestIds(base.FunctionalTest):
    def test_every_answer_has_a_request_id(self):
        for method, path in (
            ('GET', '/'),
            ('GET', '/v2'),
            ('GET', '/v2/openapi.json'),
            ('GET', '/healthcheck'),
            ('GET', SESSIONS),
            ('GET', '/nothing'),
            ('OPTIONS', SESSIONS),
            ('DELETE', f'{SESSIONS}/x'),
            ('PUT', SESSIONS),
            ('POST', SESSIONS),
        ):
            for token in (None, base.MEMBER):
                answer = self.call(method, path, token=token)
                self.assertRegex(
                    answer.headers['x-openstack-request-id'], f'^{request_id.REQUEST_ID.pattern}$'
                )
                self.assertEqual(1, len(answer.headers.getall('x-openstack-request-id')))

    def test_valid_request_id_is_kept(self):
        for path in ('/', SESSIONS, '/healthcheck'):
            self.assertEqual(
                ID,
                self.call('GET', path, X_OpenStack_Request_ID=ID).headers['x-openstack-request-id'],
            )

    def test_invalid_request_id_is_replaced(self):
        for given in ('x', ID[4:], f'{ID}0', ID.upper(), f' {ID}x', 'req-' + 'x' * 36, ''):
            self.assertNotEqual(
                given,
                self.call('GET', SESSIONS, X_OpenStack_Request_ID=given).headers[
                    'x-openstack-request-id'
                ],
            )

    def test_log_records_bear_the_request_id(self):
        self.useFixture(fixtures.FakeLogger())
        self.use(storage=Broken)
        self.service.storage.error = RuntimeError('unforeseen')
        records = []
        handler = logging.Handler()
        handler.emit = records.append
        logging.getLogger('freezer_api').addHandler(handler)
        self.addCleanup(logging.getLogger('freezer_api').removeHandler, handler)
        self.call('GET', f'{SESSIONS}/x', X_OpenStack_Request_ID=ID)
        formatters._update_record_with_context(records[0])
        self.assertEqual(ID, records[0].request_id)
        self.assertEqual('alpha', records[0].project_id)


class TestStandalone(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.use(standalone=True)

    def test_no_token_is_looked_at(self):
        for token in (None, 'reader@beta', 'nonsense'):
            self.assertEqual(
                201, self.call('POST', '/v2/any/sessions', {'schedule': {}}, token=token).code
            )
        session, *_others = self.call('GET', '/v2/any/sessions', token=None).json['sessions']
        self.assertEqual('any', session['project_id'])
        self.assertEqual('standalone', session['user_id'])
        answer = self.call(
            'POST', '/v2/any/clients', {'client_id': 'c', 'is_central': True}, token=None
        )
        self.assertEqual(201, answer.code, 'every role')

    def test_only_who_wants_trusts_is_told_that_there_are_none(self):
        for said, given in (
            ('', []),
            ('[centralized_scheduler] has no effect', ['enabled = true']),
        ):
            log = self.useFixture(fixtures.FakeLogger())
            file = self.service.folder / 'trusts.conf'
            file.write_text('\n'.join(['[centralized_scheduler]', *given]))
            configuration = conf.new()
            configuration([], default_config_files=[str(file)], default_config_dirs=[])
            app.build(configuration, self.service.storage, standalone=True)
            self.assertEqual(bool(said), '[centralized_scheduler]' in log.output)
            self.assertIn(said, log.output)

    def test_identity_headers_of_the_caller_are_ignored(self):
        answer = self.call(
            'GET',
            '/v2/any/sessions',
            token=None,
            X_Domain_Id='d',
            OpenStack_System_Scope='all',
            X_Roles='none',
            X_Identity_Status='Invalid',
        )
        self.assertEqual(200, answer.code)

    def test_only_loopback_hosts_are_served(self):
        for host in (
            'localhost',
            'localhost:9090',
            '127.0.0.1',
            '127.0.0.1:80',
            '127.9.9.9:1',
            '[::1]:9090',
            'LOCALHOST',
        ):
            self.assertEqual(200, self.call('GET', SESSIONS, Host=host).code, host)
        for host in (
            'example.org',
            '192.0.2.1:9090',
            'localhost.example.org',
            '127.0.0.1.example.org',
            '',
            'example.org:127.0.0.1',
            'localhost@example.org',
            '[::2]',
            '0.0.0.0',
            'x:y:z',
            '[',
            '127.0.0.1/x',
        ):
            for path in (SESSIONS, '/', '/healthcheck'):
                self.assert_error(
                    self.call('GET', path, environ={'HTTP_HOST': host}), '403', 'Host'
                )

    def test_foreign_origins_get_403(self):
        for origin in (
            'http://example.org',
            'null',
            'http://localhost:8080',
            'https://localhost',
            'file://',
            '',
        ):
            answer = self.call(
                'POST', SESSIONS, {'schedule': {}}, Origin=origin, Host='localhost:9090'
            )
            self.assert_error(answer, '403', 'Origin')
        own = self.call(
            'POST',
            SESSIONS,
            {'schedule': {}},
            Origin='http://localhost:9090',
            Host='localhost:9090',
        )
        self.assertEqual(201, own.code)
        preflight = self.call(
            'OPTIONS', SESSIONS, Origin='http://example.org', Access_Control_Request_Method='POST'
        )
        self.assertEqual(403, preflight.code)
        self.assertNotIn('Access-Control-Allow-Origin', preflight.headers)


class TestOptional(base.FunctionalTest):
    def test_allowed_origin_may_read_answers(self):
        self.use(cors__allowed_origin=['https://horizon.example.org'])
        origin = {'Origin': 'https://horizon.example.org'}
        preflight = self.call(
            'OPTIONS',
            SESSIONS,
            token=None,
            Access_Control_Request_Method='POST',
            Access_Control_Request_Headers='X-Auth-Token',
            **origin,
        )
        self.assertEqual(200, preflight.code)
        self.assertEqual(origin['Origin'], preflight.headers['Access-Control-Allow-Origin'])
        answer = self.call('POST', SESSIONS, b'{', **origin)
        self.assertEqual(753, answer.code)
        self.assertEqual(origin['Origin'], answer.headers['Access-Control-Allow-Origin'])
        self.assertIn('ETag', answer.headers['Access-Control-Expose-Headers'])
        self.assertNotIn(
            'Access-Control-Allow-Origin',
            self.call('GET', SESSIONS, Origin='https://else.example.org').headers,
        )

    def test_no_origin_is_allowed_by_default(self):
        self.assertNotIn(
            'Access-Control-Allow-Origin',
            self.call('GET', SESSIONS, Origin='https://horizon.example.org').headers,
        )

    def test_proxy_headers_are_read_only_where_enabled(self):
        told = {
            'X_Forwarded_Proto': 'https',
            'X_Forwarded_Host': 'cloud.example.org',
            'X_Forwarded_Prefix': '/backup',
        }
        self.assertEqual('http://localhost/v2/', self.href(told))
        self.use(oslo_middleware__enable_proxy_headers_parsing=True)
        self.assertEqual('https://cloud.example.org/backup/v2/', self.href(told))

    def href(self, headers) -> str:
        """Where the versions document says that the API is."""
        return self.call('GET', '/', token=None, Host='localhost', **headers).json['versions'][0][
            'links'
        ][0]['href']


class TestKeystoneAway(base.FunctionalTest):
    """keystonemiddleware itself, for whom no Keystone listens."""

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.FakeLogger())
        url = 'http://127.0.0.1:1/v3'
        options = {
            'auth_type': 'password',
            'auth_url': url,
            'www_authenticate_uri': url,
            'http_request_max_retries': 0,
            'username': 'u',
            'password': 'p',
            'project_name': 'service',
            'user_domain_id': 'default',
            'project_domain_id': 'default',
        }
        self.use(
            authenticate=None,
            **{f'keystone_authtoken__{name}': value for name, value in options.items()},
        )

    def test_token_that_cannot_be_validated_gets_503(self):
        for accept in ('text/html', 'text/plain', 'application/json'):
            answer = self.call('GET', SESSIONS, Accept=accept)
            self.assert_error(answer, '503 Service Unavailable', 'Keystone')
            self.assertEqual('5', answer.headers['Retry-After'])
        self.assertEqual(b'', self.call('HEAD', SESSIONS).raw)

    def test_missing_token_gets_401(self):
        answer = self.call('GET', SESSIONS, token=None)
        self.assertEqual(401, answer.code)
        self.assertEqual('Unauthorized', answer.json['error']['title'])
        self.assertIn('127.0.0.1', answer.headers['WWW-Authenticate'])
        self.assertEqual(b'', self.call('HEAD', SESSIONS, token=None).raw)

    def test_public_paths_need_no_keystone(self):
        for path, code in (
            ('/', 300),
            ('/v2', 200),
            ('/v2/openapi.json', 200),
            ('/healthcheck', 200),
            ('/healthcheck/ready', 200),
        ):
            self.assertEqual(code, self.call('GET', path, token=None).code)
        self.assertEqual(200, self.call('OPTIONS', SESSIONS, token=None).code)


class TestDelayedDecision(base.FunctionalTest):
    """An operator may have keystonemiddleware pass on what it found; nothing is open for that."""

    def test_invalid_identity_gets_401(self):
        self.use(authenticate=lambda application: application)
        self.assert_error(self.call('GET', SESSIONS), '401 Unauthorized', 'authentication')
        self.assert_error(
            self.call('GET', SESSIONS, X_Identity_Status='Invalid', X_Roles='admin'), '401'
        )
