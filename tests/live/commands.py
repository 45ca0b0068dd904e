"""What commands python-freezerclient has; run by the interpreter that it is installed for. Prints a
JSON object.

It has the package's programs, and for ``openstack`` and for the program of its own the commands by
name (``job list``; those of backups are without an object, ``list``), with all strings of the
options that they have themselves; and ``options``, those that its own program has before the
command, whether they take a value.
"""

import importlib.metadata
import json

from cliff import app
from freezerclient import base, shell

PACKAGE = 'python-freezerclient'


def options(command: type) -> list[str]:
    """The options of a command beside those of all commands that show something, or list things."""
    kind = next(
        kind
        for kind in (base.FreezerShowOne, base.FreezerLister, base.FreezerCommand)
        if issubclass(command, kind)
    )
    common = {action.dest for action in kind.get_parser(command(None, None), '')._actions}
    return [
        string
        for action in command(None, None).get_parser('')._actions
        if action.dest not in common
        for string in action.option_strings
    ]


def program_options() -> dict[str, bool]:
    """The options of the package's program beside those of all programs that are made like it,
    whether they take a value.
    """
    program = shell.FreezerShell()
    common = {action.dest for action in app.App.build_option_parser(program, '', '')._actions}
    return {
        string: action.nargs != 0
        for action in program.build_option_parser('', '')._actions
        if action.dest not in common
        for string in action.option_strings
    }


if __name__ == '__main__':
    points = importlib.metadata.distribution(PACKAGE).entry_points
    declared = {
        point.name.replace('_', ' ').removeprefix('backup '): point.load()
        for point in points
        if point.group.startswith('openstack.backup.')
    }
    own = {
        name.replace('-', ' ').removeprefix('backup '): command
        for name, command in shell.FreezerCommandManager.SHELL_COMMANDS.items()
    }
    print(
        json.dumps(
            {
                'options': program_options(),
                'programs': [point.name for point in points if point.group == 'console_scripts'],
                **{
                    program: {name: options(command) for name, command in commands.items()}
                    for program, commands in (('openstack', declared), ('freezer', own))
                },
            }
        )
    )
