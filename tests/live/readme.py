"""The commands in the README and in pages of the manual, run as they stand there, and what they
print.

``python -m tests.live.readme`` (inside ``python -m tests.servers run``) writes into the pages what
they print today. A block of commands follows a comment ``.. run: WHOSE``. Those of ``standalone``
are run page by page, each with a service of its own; those behind Keystone, as administrator, as
operator and as member, by one shell each for all pages, in the order of :data:`PAGES`.
"""

import collections.abc
import contextlib
import dataclasses
import os
import pathlib
import re
import subprocess
import tempfile

from tests import servers
from tests.live import callers, programs, shells
from tests.servers import identity, keystone

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [
    ROOT / 'README.rst',
    *(
        ROOT / 'doc' / 'source' / f'{name}.rst'
        for name in (
            'walkthrough',
            'install/keystone',
            'install/verify',
            'commands/freezer-manage',
            'commands/freezer-manager-status',
            'operate/purging',
        )
    ),
]
#: The page that shows the configuration file.
CONFIGURED = ROOT / 'doc' / 'source' / 'install' / 'keystone.rst'
INDENT = '   '
#: Printed between the outputs of two commands.
MARK = '\x1e'
#: What the pages call the API.
SHOWN_URL = 'http://127.0.0.1:9090'
SHOWN_DATABASE = 'mysql+pymysql://freezer:secret@db.example.org/freezer'
SHOWN_KEYSTONE = 'http://keystone.example.org:5000/v3'


@dataclasses.dataclass(slots=True)
class Block:
    """Commands of one shell, and what the page says that each of them prints."""

    whose: str
    first: int
    last: int
    commands: list[str] = dataclasses.field(default_factory=list)
    outputs: list[list[str]] = dataclasses.field(default_factory=list)

    def lines(self) -> list[str]:
        """The block as the page has it."""
        shown = []
        for command, output in zip(self.commands, self.outputs, strict=True):
            shown += [f'$ {command}'.replace('\n', '\n> '), *output]
        return [(INDENT + line).rstrip() for line in '\n'.join(shown).split('\n')]


def blocks(lines: list[str]) -> list[Block]:
    """The blocks of commands in the lines of a page."""
    found = []
    for number, line in enumerate(lines):
        if not line.startswith('.. run: '):
            continue
        first = next(at for at in range(number, len(lines)) if lines[at].startswith(f'{INDENT}$ '))
        last = (
            next(
                (
                    at
                    for at in range(first, len(lines))
                    if lines[at] and not lines[at].startswith(INDENT)
                ),
                len(lines),
            )
            - 1
        )
        block = Block(line.removeprefix('.. run: '), first, last)
        for text in lines[first:last]:
            read(block, text.removeprefix(INDENT))
        found.append(block)
    return found


def read(block: Block, text: str) -> None:
    """Add a line of a page to its block."""
    if text.startswith('$ '):
        block.commands.append(text[2:])
        block.outputs.append([])
    elif text.startswith('> ') and not block.outputs[-1]:
        block.commands[-1] += f'\n{text[2:]}'
    else:
        block.outputs[-1].append(text)


def file(lines: list[str], name: str) -> str:
    """The text of a file that a page shows after a comment ``.. file: NAME``."""
    first = lines.index(f'.. file: {name}') + 4
    last = next(
        at for at in range(first, len(lines)) if lines[at] and not lines[at].startswith(INDENT)
    )
    return '\n'.join(line.removeprefix(INDENT) for line in lines[first:last])


@dataclasses.dataclass(slots=True)
class Page:
    """A page, and its blocks of commands."""

    path: pathlib.Path
    lines: list[str]
    blocks: list[Block]

    @classmethod
    def read(cls, path: pathlib.Path) -> 'Page':
        """Read a page."""
        lines = path.read_text().split('\n')
        return cls(path, lines, blocks(lines))

    def today(self) -> list[str]:
        """The lines as today's outputs would have them."""
        made = list(self.lines)
        for block in reversed(self.blocks):
            made[block.first : block.last] = block.lines()
        return made


@dataclasses.dataclass(slots=True)
class Shell:
    """Runs blocks; ``real`` tells for each address in the pages which one is meant today."""

    folder: str
    real: dict[str, str]
    environment: dict[str, str] = dataclasses.field(default_factory=dict)

    def run(self, group: list[Block]) -> None:
        """Run all commands in one shell, and put what they print into the blocks."""
        commands = [command for block in group for command in block.commands]
        script = f"\nprintf '\\n{MARK}\\n'\n".join(commands)
        for shown, real in self.real.items():
            script = script.replace(shown, real)
        # The service's programs first: callers have this package as well, for its commands alone.
        folders = str(programs.FOLDER), f'{os.environ["FREEZER_TEST_CALLERS"]}/bin'
        shims = pathlib.Path(self.folder, 'programs')
        shims.mkdir(exist_ok=True)
        shells.preloaded().write_program(
            shims / 'openstack', shells.ENTRIES['openstack'], callers.program('openstack')
        )
        path = os.pathsep.join((f'{shims}', *folders, os.environ['PATH']))
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith('OS_')
        }
        done = subprocess.run(
            ['bash', '-c', script],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**inherited, 'COLUMNS': '200', **self.environment, 'PATH': path},
            timeout=600,
            check=False,
        )
        said = done.stdout
        for shown, real in self.real.items():
            said = said.replace(real, shown)
        outputs = iter(said.split(f'\n{MARK}\n'))
        for block in group:
            block.outputs = [next(outputs).rstrip('\n').split('\n') for _command in block.commands]
            block.outputs = [[] if output == [''] else output for output in block.outputs]


def credentials(user: str, project: str) -> dict[str, str]:
    """What a person has in the environment who uses the tests' Keystone."""
    return {
        'OS_AUTH_URL': servers.address(servers.KEYSTONE),
        'OS_USERNAME': user,
        'OS_PASSWORD': keystone.PASSWORD,
        'OS_PROJECT_NAME': project,
        'OS_USER_DOMAIN_ID': 'default',
        'OS_PROJECT_DOMAIN_ID': 'default',
        'OS_REGION_NAME': 'RegionOne',
        'OS_IDENTITY_API_VERSION': '3',
    }


def run_standalone(found: list[Block], folder: str) -> None:
    """Run what a page does against the standalone service."""
    with programs.standalone(f'{folder}/state') as server:
        Shell(folder, {SHOWN_URL: server.url}).run(
            [block for block in found if block.whose == 'standalone']
        )


@contextlib.contextmanager
def as_it_was() -> collections.abc.Iterator[None]:
    """Take what the pages add to Keystone's catalogue out of it again; other tests come to know
    it then.
    """
    administrator = identity.Administrator()

    def services() -> set[str]:
        return {
            service['id']
            for service in administrator.find('service', type='backup', name='freezer')
        }

    before = services()
    try:
        yield
    finally:
        for service in services() - before:
            # Its endpoints go with it.
            administrator.remove('service', service)


def run_keystone(found: list[Block], lines: list[str], folder: str) -> None:
    """Run what the pages do behind Keystone: as administrator, as operator, as member."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(programs.Database(servers.MYSQL))
        config_file = pathlib.Path(folder, 'freezer-api.conf')
        api = programs.api(str(config_file))
        real = {
            SHOWN_URL: api.url,
            SHOWN_DATABASE: database.url,
            SHOWN_KEYSTONE: servers.address(servers.KEYSTONE),
        }
        text = file(lines, config_file.name)
        for shown, meant in real.items():
            text = text.replace(shown, meant)
        config_file.write_text(text)
        stack.enter_context(as_it_was())
        people = {
            'admin': credentials('admin', 'admin'),
            'operator': {},
            'member': credentials('alpha-member', 'alpha'),
        }
        for whose, environment in people.items():
            if whose == 'member':
                stack.enter_context(api)
            Shell(folder, real, environment).run(
                [block for block in found if block.whose == f'keystone {whose}']
            )


def run() -> list[Page]:
    """All pages, with what their commands print today."""
    pages = [Page.read(path) for path in PAGES]
    for page in pages:
        if any(block.whose == 'standalone' for block in page.blocks):
            with tempfile.TemporaryDirectory() as folder:
                run_standalone(page.blocks, folder)
    found = [block for page in pages for block in page.blocks]
    with tempfile.TemporaryDirectory() as folder:
        run_keystone(found, CONFIGURED.read_text().split('\n'), folder)
    return pages


def alike(lines: list[str]) -> list[str]:
    """Lines without what differs each time: moments, and ids that are made up."""
    hexadecimal = re.compile(r'\b[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\b')
    return [re.sub(r'\b1[0-9]{9}\b', 'MOMENT', hexadecimal.sub('ID', line)) for line in lines]


if __name__ == '__main__':
    for made in run():
        made.path.write_text('\n'.join(made.today()))
