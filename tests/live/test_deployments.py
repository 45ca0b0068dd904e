"""The service as deployment tools configure and start it.

Each test has the options, files and commands that one of them renders, with the addresses of the
tests' servers; where a tool puts files into /etc/freezer, the folder is named.
"""

import os
import pathlib

import fixtures
import requests
import testtools

from tests import servers
from tests.live import programs
from tests.servers import identity, process

#: The file of openstack-helm's chart and of genestack's overrides: names of the published service,
#: of libraries it had, and of options that have moved.
HELM = """
[DEFAULT]
debug = true
log_config_append = {folder}/logging.conf
bind_host = 127.0.0.1
bind_port = {port}
host_href = http://freezer-api.openstack.svc.cluster.local:9090
[paste_deploy]
config_file = api-paste.ini
[cache]
enabled = true
backend = oslo_cache.memcache_pool
[database]
connection = {database}
connection_debug = 0
connection_recycle_time = 600
connection_trace = true
idle_timeout = 3600
mysql_sql_mode =
use_db_reconnect = true
pool_timeout = 60
max_retries = -1
[oslo_policy]
policy_file = {folder}/policy.yaml
[storage]
backend = sqlalchemy
driver = sqlalchemy
[keystone_authtoken]
auth_version = v3
auth_type = password
region_name = RegionOne
auth_uri = {keystone}
auth_url = {keystone}
{credentials}
service_token_roles = service
service_token_roles_required = true
service_type = backup
"""
HELM_LOGGING = """
[loggers]
keys = root,freezer
[handlers]
keys = stdout,stderr,null
[formatters]
keys = context,default
[logger_root]
level = INFO
handlers = stdout
[logger_freezer]
level = INFO
handlers = stdout
qualname = freezer
[handler_null]
class = logging.NullHandler
formatter = default
args = ()
[handler_stdout]
class = StreamHandler
args = (sys.stdout,)
formatter = context
[handler_stderr]
class = StreamHandler
args = (sys.stderr,)
formatter = context
[formatter_context]
class = oslo_log.formatters.ContextFormatter
datefmt = %Y-%m-%d %H:%M:%S
[formatter_default]
format = %(message)s
datefmt = %Y-%m-%d %H:%M:%S
"""
#: OpenStack-Ansible's file.
ANSIBLE = """
[DEFAULT]
use_stderr = False
debug = False
use_journal = False
[centralized_scheduler]
enabled = True
enforce_trusts = False
service_user = freezer
service_user_domain = Default
[database]
connection = {database}&charset=utf8
[keystone_authtoken]
insecure = False
{credentials}
region_name = RegionOne
auth_url = {keystone}
www_authenticate_uri = {keystone}
interface = internal
auth_type = password
service_token_roles_required = True
service_token_roles = service
service_type = backup
token_cache_time = 300
[paste_deploy]
config_file = /etc/freezer/freezer-paste.ini
[storage]
driver = sqlalchemy
backend = sqlalchemy
"""
#: Kolla's file; the misspelt word is in it.
KOLLA = """
[DEFAULT]
debug = False
log_dir = {folder}/log
bind_host = 127.0.0.1
bind_port = {port}
[keystone_authtoken]
www_authenticate_uri = {keystone}
auth_url = {keystone}
auth_type = password
{credentials}
[oslo_middleware]
enable_proxy_headers_parsing = True
[paste_deploy]
config_file = /etc/freezer/freezer-paste.ini
[storage]
{storage}
"""
KOLLA_SQL = """
backend = sqlachemy
driver = sqlalchemy
[database]
connection = {database}
max_retries = -1
"""
KOLLA_ELASTICSEARCH = """
backend = elasticsearch
driver = elasticsearch
[elasticsearch]
hosts = {node}
number_of_replicas = 0
index = {index}
"""


class DeploymentTest(testtools.TestCase):
    """A folder in place of /etc/freezer, and a port."""

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path
        self.port = process.free_port()
        self.url = f'http://127.0.0.1:{self.port}'

    def write(self, name: str, text: str, **values: object) -> str:
        """Write a file of the folder, with what is known of the tests' servers; its path."""
        options = identity.service_options()
        credentials = [
            f'{name} = {options[name]}'
            for name in options
            if name not in ('auth_type', 'auth_url', 'www_authenticate_uri')
        ]
        path = pathlib.Path(self.folder, name)
        path.write_text(
            text.format(
                folder=self.folder,
                port=self.port,
                keystone=options['auth_url'],
                credentials='\n'.join(credentials),
                **values,
            )
        )
        return str(path)

    def database(self) -> str:
        """The address of an empty MariaDB database."""
        return self.useFixture(programs.Database(servers.MYSQL)).url

    def sync(self, *arguments: str, command: str = 'sync', **environment: str) -> None:
        """Create the schema as the tool does."""
        for name, value in environment.items():
            self.useFixture(fixtures.EnvironmentVariable(name, value))
        done = programs.run('freezer-manage', *arguments, 'db', command)
        self.assertEqual('', done.stderr)
        self.assertEqual(0, done.returncode)

    def assert_serves(self) -> None:
        """The health check of the tool, and a member's request."""
        health = requests.get(f'{self.url}/healthcheck', timeout=programs.SECONDS)
        self.assertEqual(200, health.status_code)
        token = identity.token('member')
        made = requests.post(
            f'{self.url}/v2/{token.project_id}/sessions',
            json={'schedule': {}},
            headers={'X-Auth-Token': token.id},
            timeout=programs.SECONDS,
        )
        self.assertEqual(201, made.status_code, made.text)


class TestHelm(DeploymentTest):
    """openstack-helm's chart, with genestack's overrides."""

    def test_chart_starts_and_serves(self):
        """``db sync`` in a job, and then a pod; both with the one file of both programs."""
        for name, text in (
            ('logging.conf', HELM_LOGGING),
            # What is null in the chart's values.
            ('policy.yaml', 'null\n'),
            ('api-paste.ini', '[pipeline:main]\npipeline = healthcheck authtoken backupapp\n'),
        ):
            pathlib.Path(self.folder, name).write_text(text)
        file = self.write('freezer.conf', HELM, database=self.database())
        # Its log goes to the same stream as what it prints.
        done = programs.run('freezer-manage', '--config-file', file, 'db', 'sync')
        self.assertEqual(0, done.returncode, done.stderr)
        server = programs.Server('freezer-api', '--config-file', file, url=self.url)
        self.useFixture(server)
        self.assert_serves()
        self.assertIn('POST /v2/', server.said())
        self.assertEqual(0, server.end())


class TestAnsible(DeploymentTest):
    """OpenStack-Ansible: uWSGI, and the service's own configuration in its folder."""

    def test_role_starts_and_serves(self):
        file = self.write('freezer-api.conf', ANSIBLE, database=self.database())
        self.sync('--config-file', file)
        server = programs.Server(
            'uwsgi',
            '--http-socket',
            f'127.0.0.1:{self.port}',
            '--master',
            '--die-on-term',
            '--lazy-apps',
            '--enable-threads',
            '--module',
            'freezer_api.wsgi:application',
            '--virtualenv',
            str(programs.FOLDER.parent),
            url=self.url,
            OS_FREEZER_CONFIG_DIR=self.folder,
        )
        self.useFixture(server)
        self.assert_serves()

    def test_folder_of_the_environment_has_the_files_that_the_role_reads(self):
        """It copies and merges the pipeline's file, which has to be there, and to be read as an ini
        file.
        """
        root = pathlib.Path(__file__).parents[2]
        setup = (root / 'setup.cfg').read_text()
        installed = [line.strip() for line in setup.splitlines() if 'etc/freezer/' in line]
        self.assertIn('etc/freezer/freezer-paste.ini', installed)
        self.assertEqual([], [name for name in installed if 'generator' in name])
        for line in (root / 'etc/freezer/freezer-paste.ini').read_text().splitlines():
            self.assertEqual('', line.partition('#')[0].strip())


class TestKolla(DeploymentTest):
    """Kolla: ``db update``, a folder of logs, and one file that is called freezer.conf."""

    def test_mariadb_backend_starts_and_serves(self):
        self.start(KOLLA_SQL.format(database=self.database()))

    def test_elasticsearch_backend_starts_and_serves(self):
        node, index = servers.address(servers.ELASTICSEARCH9), servers.new_indices()
        self.addCleanup(servers.drop_indices, node, index)
        self.start(KOLLA_ELASTICSEARCH.format(node=node, index=index))

    def start(self, storage: str) -> None:
        """Start its API; all of it is logged in the folder, under the name that is rotated."""
        logs = pathlib.Path(self.folder, 'log')
        logs.mkdir()
        file = self.write('freezer.conf', KOLLA, storage=storage)
        self.sync('--config-file', file, command='update')
        self.useFixture(programs.Server('freezer-api', '--config-file', file, url=self.url))
        self.assert_serves()
        self.assertEqual(['freezer-api.log', 'freezer-manage.log'], sorted(os.listdir(logs)))
        self.assertIn('POST /v2/', (logs / 'freezer-api.log').read_text())
