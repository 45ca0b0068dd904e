"""How commands of python-freezerclient are given: each to a process of ``openstack`` or
``freezer``, or many to one.
"""

import json
import pathlib
import subprocess
import typing

import fixtures

from tests.live import callers, commands_preloaded, dialogues, programs

#: What ends a command's output where many commands are given to one process.
MARK = 'no more of this command'


#: What runs the programs; see :mod:`.preloading`.
ENTRIES = {'freezer': 'freezerclient.shell:main', 'openstack': 'openstackclient.shell:main'}
#: What is imported beforehand. Not ``freezerclient.shell``, which takes its arguments from the
#: command line when it is imported.
IMPORTED = ('openstackclient.shell', 'openstack.*')


class Ended(typing.NamedTuple):
    """What became of a command: its exit code (None: it can't be told), and what it printed."""

    code: int | None
    out: str
    err: str


def commands() -> dict[str, typing.Any]:
    """What programs and commands the package has, as ``commands.py`` finds them."""
    script = pathlib.Path(__file__).with_name('commands.py')
    ended = subprocess.run(
        [callers.program('python'), str(script)],
        env=callers.clean(),
        capture_output=True,
        text=True,
        timeout=programs.SECONDS,
        check=True,
    )
    return json.loads(ended.stdout)


def preloaded() -> commands_preloaded.Preloaded:
    """What runs programs of the environment of callers."""
    return commands_preloaded.preloaded(callers.program('python'), *IMPORTED)


def run(program: str, *words: str, **variables: str) -> Ended:
    """Run one of the programs of the environment of callers until it ends."""
    ended = preloaded().run(
        ENTRIES[program],
        [callers.program(program), *words],
        callers.clean(**variables),
        programs.SECONDS,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


class Shell(fixtures.Fixture):
    """Gives commands in a project, and remembers which, with which options.

    ``run`` gives each to a process of its own. ``interactive``: one process reads them all. It is
    told the cloud by variables then, for it takes options for commands as well, and what it prints
    as an error is in ``out``.
    """

    program = ''

    def __init__(self, home: callers.Home, region: str = '', interactive: bool = False):
        super().__init__()
        self.home, self.region, self.interactive = home, region, interactive
        self.given: set[str] = set()
        self._process: dialogues.Child | None = None

    def options(self) -> dict[str, str]:
        """What tells the program the cloud: its options, without the beginning that all have."""
        raise NotImplementedError

    def words(self, command: str) -> list[str]:
        """A command that is named as in ``commands.py``, by the name that the program has for
        it.
        """
        raise NotImplementedError

    def run(self, command: str, *words: str) -> Ended:
        """What became of a command, which is named as in ``commands.py``."""
        self.given |= {command, *(f'{command} {word}' for word in words if word.startswith('-'))}
        if self.interactive:
            return self._told(*self.words(command), *words)
        options = [
            word
            for name, value in self.options().items()
            for word in (f'--os-{name.replace("_", "-")}', value)
        ]
        return run(self.program, *options, *self.words(command), *words)

    def _reader(self) -> dialogues.Child:
        """The process that reads the commands."""
        if self._process is None:
            variables = {f'OS_{name.upper()}': value for name, value in self.options().items()}
            self._process = self.useFixture(
                dialogues.Child(
                    callers.program(self.program),
                    env=callers.clean(**variables),
                    stderr=subprocess.STDOUT,
                )
            )
        return self._process

    def _told(self, *words: str) -> Ended:
        # A line is split, joined and split again: what has a blank is quoted for both times.
        line = ' '.join(f'"\'{word}\'"' if ' ' in word else word for word in words)
        printed = self._reader().ask(f'{line}\n!echo {MARK}\n', last=f'{MARK}\n'.__eq__)
        return Ended(None, ''.join(printed[:-1]), '')


class Freezer(Shell):
    """``freezer``: it always asks Keystone for a token, and can't be told a region, so it is told
    the address.
    """

    program = 'freezer'

    def options(self) -> dict[str, str]:
        return {'backup_url': self.home.url, **self.home.credentials}

    def words(self, command: str) -> list[str]:
        return [command.replace(' ', '-') if ' ' in command else f'backup-{command}']


class OpenStack(Shell):
    """``openstack backup``: with the user's credentials and the region that it finds the service
    in, or with the address.
    """

    program = 'openstack'

    def options(self) -> dict[str, str]:
        if self.home.user:
            return {'region_name': self.region, **self.home.credentials}
        return {'auth_type': 'none', 'endpoint': f'{self.home.url}/v2/{self.home.project_id}'}

    def words(self, command: str) -> list[str]:
        return ['backup', *command.split()]
