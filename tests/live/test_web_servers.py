"""The files in ``etc`` for web servers and systemd, and ``freezer-api-wsgi``: each is started as it
is, but for addresses, users and paths, and answers what all servers do.
"""

import configparser
import os
import pathlib
import shlex
import subprocess
import sysconfig

import fixtures
import requests
import testtools
from testtools import content as attach

from tests.live import programs
from tests.servers import identity, process

ETC = pathlib.Path(__file__).parents[2] / 'etc'
#: Where Debian and Red Hat have Apache's modules.
APACHE_MODULES = ('/usr/lib/apache2/modules', '/usr/lib64/httpd/modules')
#: What Apache has before it reads a file of a site.
APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
DefaultRuntimeDir {folder}
Define APACHE_LOG_DIR {folder}
{modules}
ErrorLog {folder}/error.log
"""
NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 100; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/freezer-api.conf;
}}
"""


class WebServerTest(testtools.TestCase):
    """A configured service, and what every way to serve it answers."""

    def setUp(self):
        super().setUp()
        extra = 'enable_proxy_headers_parsing = true'
        deployment = self.useFixture(
            programs.Deployment(programs.SQLITE, f'[oslo_middleware]\n{extra}')
        )
        self.config_file = deployment.config_file
        self.folder = self.useFixture(fixtures.TempDir()).path

    def adapt(self, name: str, **changes: str) -> str:
        """A file of ``etc`` with texts replaced, each of which is there; its new path."""
        text = (ETC / name).read_text()
        for old, new in changes.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = pathlib.Path(self.folder, pathlib.Path(name).name)
        path.write_text(text)
        return str(path)

    def assert_serves(self, url: str) -> None:
        """All kinds of requests arrive as they were sent, and answers come back."""
        token = identity.token('member')
        headers = {'X-Auth-Token': token.id}
        sessions = f'{url}/v2/{token.project_id}/sessions'

        def call(method: str, path: str = '', **named) -> requests.Response:
            return requests.request(
                method, f'{sessions}{path}', headers=headers, timeout=programs.SECONDS, **named
            )

        made = call('POST', json={'description': 'nightly', 'schedule': {}})
        self.assertEqual(201, made.status_code, made.text)
        chunks = iter([b'{"description": "weekly", ', b'"schedule": {}}'])
        made = call('POST', data=chunks)
        self.assertEqual(201, made.status_code, made.text)
        found = call('GET', data='{"match": [{"description": "weekly"}]}').json()['sessions']
        session_id = made.json()['session_id']
        self.assertEqual([session_id], [session['session_id'] for session in found])
        self.assertEqual(404, call('GET', '/a%2Fb').status_code)
        self.assertEqual(413, call('POST', data=b'x' * 200_000).status_code)
        self.assertEqual(204, call('DELETE', f'/{session_id}').status_code)
        health = requests.get(f'{url}/healthcheck', timeout=programs.SECONDS)
        self.assertEqual(200, health.status_code)
        home = requests.get(f'{url}/', timeout=programs.SECONDS)
        self.assertIn(f'{url}/v2/', home.text)


class TestBehindProxies(WebServerTest):
    """A proxy, and ``freezer-api`` behind it."""

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(programs.api(self.config_file))
        self.behind = self.api.url.removeprefix('http://')
        self.port = process.free_port()

    def test_nginx_passes_all_kinds_of_requests_on(self):
        self.adapt(
            'nginx/freezer-api.conf',
            **{'127.0.0.1:9091': self.behind, 'listen 9090;': f'listen 127.0.0.1:{self.port};'},
        )
        main = pathlib.Path(self.folder, 'nginx.conf')
        main.write_text(NGINX.format(folder=self.folder))
        self.serve(process.program('nginx', package='nginx'), '-c', str(main))

    def test_apache_passes_all_kinds_of_requests_on(self):
        site = self.adapt(
            'apache2/freezer-api-proxy.conf',
            **{
                '127.0.0.1:9091': self.behind,
                'Listen 9090': f'Listen 127.0.0.1:{self.port}',
                '*:9090': f'*:{self.port}',
            },
        )
        self.serve(*apache(self.folder, site, 'proxy', 'proxy_http', 'headers'))

    def serve(self, program: str, *arguments: str) -> None:
        """Start the proxy, and call the service through it."""
        url = f'http://127.0.0.1:{self.port}'
        folder, name = os.path.split(program)
        self.useFixture(programs.Server(name, *arguments, url=url, program_folder=folder))
        self.assert_serves(url)


class TestInProcess(WebServerTest):
    """Servers that load the application."""

    def test_uwsgi_serves_by_the_file_that_is_installed(self):
        port = process.free_port()
        file = self.adapt(
            'freezer/uwsgi.conf', **{'0.0.0.0:9090': f'127.0.0.1:{port}', 'processes = 4': ''}
        )
        server = self.useFixture(
            programs.Server(
                'uwsgi',
                '--ini',
                file,
                '--virtualenv',
                str(programs.FOLDER.parent),
                url=f'http://127.0.0.1:{port}',
                OS_FREEZER_CONFIG_FILES=self.config_file,
            )
        )
        self.assert_serves(server.url)
        self.assertEqual(0, server.end())

    def test_uwsgi_serves_the_installed_script(self):
        port = process.free_port()
        server = self.useFixture(
            programs.Server(
                'uwsgi',
                '--http-socket',
                f'127.0.0.1:{port}',
                '--need-app',
                '--wsgi-file',
                str(programs.FOLDER / 'freezer-api-wsgi'),
                '--virtualenv',
                str(programs.FOLDER.parent),
                url=f'http://127.0.0.1:{port}',
                OS_FREEZER_CONFIG_FILES=self.config_file,
            )
        )
        self.assert_serves(server.url)

    def test_mod_wsgi_serves_by_the_file_of_the_site(self):
        server = self.mod_wsgi(str(programs.FOLDER / 'freezer-api-wsgi'))
        self.assert_serves(server.url)

    def test_mod_wsgi_serves_the_module_of_earlier_releases(self):
        """Which deployments name by its path; the log is named after the service."""
        log = pathlib.Path(self.folder, 'log')
        log.mkdir()
        with open(self.config_file, 'a') as file:
            file.write(f'[DEFAULT]\nlog_dir = {log}\n')
        server = self.mod_wsgi(str(pathlib.Path(programs.__file__).parents[2]), 'cmd/wsgi.py')
        self.assert_serves(server.url)
        self.assertEqual(['freezer-api.log'], os.listdir(log))

    def mod_wsgi(self, script: str, module: str = '') -> programs.Server:
        """Apache, with the script or the module that a site names."""
        port = process.free_port()
        if module:
            script = f'{script}/freezer_api/{module}'
        folder, name = os.path.split(script)
        packages = sysconfig.get_path('purelib')
        site = self.adapt(
            'apache2/freezer-api-wsgi.conf',
            **{
                '/opt/freezer-api/bin/freezer-api-wsgi': script,
                '<Directory /opt/freezer-api/bin>': f'<Directory {folder}>',
                '<Files freezer-api-wsgi>': f'<Files {name}>',
                # The environment may be one of another build of this Python than mod_wsgi's.
                'python-home=/opt/freezer-api': f'python-home=/usr python-path={packages}',
                'user=freezer group=freezer ': '',
                'processes=4': 'processes=1',
                'Listen 9090': f'Listen 127.0.0.1:{port}',
                '*:9090': f'*:{port}',
            },
        )
        program, *arguments = apache(self.folder, site, 'wsgi')
        folder, name = os.path.split(program)
        for log in ('error.log', 'freezer-api-error.log'):
            file = pathlib.Path(self.folder, log)
            self.addCleanup(attach.attach_file, self, str(file), log)
        return self.useFixture(
            programs.Server(
                name,
                *arguments,
                url=f'http://127.0.0.1:{port}',
                program_folder=folder,
                OS_FREEZER_CONFIG_FILES=self.config_file,
            )
        )


class TestSystemd(WebServerTest):
    """The unit."""

    def setUp(self):
        super().setUp()
        self.unit = configparser.ConfigParser(strict=False, interpolation=None)
        self.unit.optionxform = str
        self.unit.read(ETC / 'systemd/freezer-api.service')

    def test_unit_is_valid(self):
        file = self.adapt(
            'systemd/freezer-api.service',
            **{'/usr/bin/freezer-api': str(programs.FOLDER / 'freezer-api')},
        )
        verify = process.program('systemd-analyze', package='systemd')
        done = subprocess.run([verify, 'verify', file], capture_output=True, text=True)
        about_it = [line for line in done.stderr.splitlines() if 'freezer-api.service' in line]
        self.assertEqual([], about_it)

    def test_its_commands_start_reload_and_stop_the_service(self):
        service = self.unit['Service']
        program, *arguments = shlex.split(service['ExecStart'])
        port = process.free_port()
        arguments = [
            argument.replace('/etc/freezer/freezer-api.conf', self.config_file)
            for argument in arguments
        ]
        self.assertIn(self.config_file, arguments)
        server = self.useFixture(
            programs.Server(
                os.path.basename(program),
                *arguments,
                '--bind-port',
                str(port),
                url=f'http://127.0.0.1:{port}',
            )
        )
        self.assert_serves(server.url)
        reload = service['ExecReload'].replace('$MAINPID', str(server.running.pid))
        subprocess.run(shlex.split(reload), check=True)
        self.assert_answers(server.url)
        self.assertEqual(0, server.end())

    def assert_answers(self, url: str) -> None:
        """It is there."""
        answer = requests.get(f'{url}/healthcheck', timeout=programs.SECONDS)
        self.assertEqual(200, answer.status_code)


def apache(folder: str, site: str, *modules: str) -> tuple[str, ...]:
    """A program and its arguments: Apache with the file of a site, and the modules it needs."""
    program = process.program('apache2', 'httpd', package='apache2')
    found = next(path for path in APACHE_MODULES if os.path.isdir(path))
    needed = ['mpm_event', 'authz_core', *modules]
    lines = [f'LoadModule {name}_module {found}/mod_{name}.so' for name in needed]
    main = pathlib.Path(folder, 'apache2.conf')
    text = APACHE.format(folder=folder, modules='\n'.join(lines))
    main.write_text(f'{text}Include {site}\n')
    command = program, '-DFOREGROUND', '-f', str(main)
    if os.getuid():
        return command
    # mod_wsgi doesn't run as root, and other users may not be able to read the environment: in a
    # namespace of its own it is somebody else, who can read what root can.
    unshare = process.program('unshare', package='util-linux')
    return unshare, '--user', '--map-user=1000', '--map-group=1000', *command
