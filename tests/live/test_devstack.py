"""The plug-in of DevStack, sourced by a shell as DevStack does, on the tests' servers.

Of DevStack's functions there are doubles, of a line or two each: DevStack itself would take this
machine over.
"""

import pathlib
import shlex
import subprocess

import fixtures
import requests
import testtools

from tests import servers
from tests.live import programs
from tests.servers import identity, process

ROOT = pathlib.Path(__file__).parents[2]
#: DevStack's functions. What they would ask of Keystone is written down; ``run_process`` prints
#: what it would have systemd start, for the test to start it.
DOUBLES = """
set -eu
STACK_USER=$(id -un)
DEST={folder} SERVICE_HOST=127.0.0.1 REGION_NAME=RegionOne API_WORKERS=1
SERVICE_TIMEOUT=60 ENABLE_DEBUG_LOG_LEVEL=False
FREEZER_API_DIR={root} FREEZER_API_CONF_DIR={folder}/etc FREEZER_API_PORT={port}
sudo() {{ "$@"; }}
define_plugin() {{ :; }}
enable_service() {{ :; }}
is_service_enabled() {{ [ "$1" = freezer-api ]; }}
echo_summary() {{ echo "$1" >&2; }}
iniset() {{ {python} -c '
import configparser, sys
path, section, option, value = sys.argv[1:]
file = configparser.RawConfigParser(default_section="")
file.read(path)
file.has_section(section) or file.add_section(section)
file.set(section, option, value)
file.write(open(path, "w"))' "$@"; }}
database_connection_url() {{ echo '{database}'; }}
recreate_database() {{ echo "database $1" >>{folder}/asked; }}
setup_develop() {{ echo "develop $1" >>{folder}/asked; }}
pip_install_gr() {{ :; }}
pip_install() {{ :; }}
setup_logging() {{ :; }}
configure_keystone_authtoken_middleware() {{
    echo "credentials $2" >>{folder}/asked
    cat {folder}/keystone >>$1
}}
create_service_user() {{ echo "user $*" >>{folder}/asked; }}
get_or_create_service() {{ echo "service $1 $2" >>{folder}/asked; }}
get_or_create_endpoint() {{ echo "endpoint $*" >>{folder}/asked; }}
get_python_exec_prefix() {{ echo {programs}; }}
run_process() {{ echo "run $2"; }}
wait_for_service() {{ echo "wait $2" >>{folder}/asked; }}
stop_process() {{ echo "stop $1" >>{folder}/asked; }}
die() {{ exit 1; }}
. {root}/devstack/settings
"""


class TestPlugin(testtools.TestCase):
    """Its phases, in DevStack's order."""

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path
        self.port = process.free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        database = self.useFixture(programs.Database(servers.MYSQL)).url
        pathlib.Path(self.folder, 'keystone').write_text(programs.keystone_section() + '\n')
        self.doubles = DOUBLES.format(
            folder=self.folder,
            root=ROOT,
            port=self.port,
            python=programs.FOLDER / 'python',
            database=database,
            programs=programs.FOLDER,
        )

    def phase(self, *words: str, settings: str = '') -> str:
        """Source the plug-in in one of the phases; what it prints."""
        script = f'{settings}\n{self.doubles}\n. {ROOT}/devstack/plugin.sh {" ".join(words)}'
        done = subprocess.run(['bash', '-c', script], capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def test_phases_install_configure_and_start_it_under_uwsgi(self):
        self.assert_phases('uwsgi')

    def test_phases_start_the_builtin_server_if_it_is_chosen(self):
        self.assert_phases('builtin')

    def assert_phases(self, kind: str) -> None:
        """What is asked of DevStack, and what the service answers then."""
        settings = f'FREEZER_API_SERVER_TYPE={kind}'
        self.phase('stack', 'install', settings=settings)
        self.phase('stack', 'post-config', settings=settings)
        (started,) = [
            line.removeprefix('run ')
            for line in self.phase('stack', 'extra', settings=settings).splitlines()
            if line.startswith('run ')
        ]
        program, *arguments = shlex.split(started)
        if kind == 'uwsgi':
            arguments += ['--virtualenv', str(programs.FOLDER.parent)]
        path = pathlib.Path(program)
        server = programs.Server(path.name, *arguments, url=self.url, program_folder=path.parent)
        self.useFixture(server)
        token = identity.token('member')
        made = requests.post(
            f'{self.url}/v2/{token.project_id}/sessions',
            json={'schedule': {}},
            headers={'X-Auth-Token': token.id},
            timeout=programs.SECONDS,
        )
        self.assertEqual(201, made.status_code, made.text)
        self.phase('unstack', settings=settings)
        self.phase('clean', settings=settings)
        asked = pathlib.Path(self.folder, 'asked').read_text().splitlines()
        self.assertEqual(
            [
                f'develop {ROOT}',
                'credentials freezer',
                'user freezer service',
                'service freezer backup',
                f'endpoint backup RegionOne {self.url}',
                'database freezer',
                f'wait {self.url}/healthcheck',
                'stop freezer-api',
            ],
            asked,
        )
        self.assertFalse(pathlib.Path(self.folder, 'etc', 'freezer-api.conf').exists())
