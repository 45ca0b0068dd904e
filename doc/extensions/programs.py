"""``.. program-options:: PROGRAM [COMMAND …]``: usage and options of a command,
from the very parser that the command uses.
"""

import argparse
import importlib
import importlib.metadata
import typing
from unittest import mock

from docutils import nodes, statemachine
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.util.nodes import nested_parse_with_titles

from freezer_api.cmd import api

#: The group of entry points that adds commands to ``openstack``.
CLIENT_GROUP = 'openstack.backup.v2'
CLIENT = 'openstack'
#: In place of a command: what ``freezer-api`` takes for its standalone mode.
STANDALONE = ['standalone']


class Shown(BaseException):
    """A parser was asked for its help: no failure that a command reports."""

    def __init__(self, parser: argparse.ArgumentParser):
        super().__init__()
        self.parser = parser


def parser_of(program: str, commands: list[str]) -> argparse.ArgumentParser:
    """Return the parser of a program of this package, or of one of its
    commands.
    """
    if program == CLIENT:
        name = '_'.join(commands)
        (found,) = importlib.metadata.entry_points(
            group=CLIENT_GROUP, name=name
        )
        return found.load()(None, None).get_parser(
            f'{program} {" ".join(commands)}'
        )
    if commands == STANDALONE:
        return api.standalone_parser()
    (found,) = importlib.metadata.entry_points(
        group='console_scripts', name=program
    )
    main = found.load()

    def show(
        parser: argparse.ArgumentParser, _file: typing.Any = None
    ) -> None:
        raise Shown(parser)

    with mock.patch.object(argparse.ArgumentParser, 'print_help', show):
        try:
            main([*commands, '--help'])
        except Shown as shown:
            return shown.parser
    raise ValueError(f'{program} {commands} has no help')


def option_lines(
    parser: argparse.ArgumentParser, hidden: set[str]
) -> list[str]:
    """Return the arguments of a parser as a definition list, but for the
    ``hidden`` ones.
    """
    lines: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            lines += _commands(action)
        elif not hidden.intersection(action.option_strings or (action.dest,)):
            lines += [_heading(action), f'   {_help(parser, action)}', '']
    return lines


def _commands(action: argparse._SubParsersAction) -> list[str]:
    lines: list[str] = []
    for choice in action._get_subactions():
        lines += [f'``{choice.dest}``', f'   {_sentence(choice.help)}', '']
    return lines


def _heading(action: argparse.Action) -> str:
    value = _value_name(action)
    if not action.option_strings:
        return f'``{value}``'
    spellings = []
    for name in action.option_strings:
        spelling = f'{name} {value}'.rstrip()
        spellings.append(f'``{spelling}``')
    return ', '.join(spellings)


def _value_name(action: argparse.Action) -> str:
    """Return how a value is called, ``''`` for a flag."""
    if action.nargs == 0:
        return ''
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        choices = ','.join(map(str, action.choices))
        return f'{{{choices}}}'
    return action.dest.upper()


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    if not action.help:
        return _sentence('')
    # As argparse fills it in: %(default)s and the like.
    formatter = parser._get_formatter()
    return _sentence(formatter._expand_help(action))


def _sentence(text: str | None) -> str:
    """Return a text on one line, without what reStructuredText would read as
    mark-up.
    """
    line = ' '.join((text or '').split())
    if not line:
        return 'No description.'
    for mark in ('*', '`', '|', '--'):
        line = line.replace(mark, f'\\{mark}')
    line = line[0].upper() + line[1:]
    return line.removesuffix('.') + '.'


def usage(parser: argparse.ArgumentParser) -> list[str]:
    """Return the lines of a parser's usage, as wide as a page."""
    formatter = argparse.HelpFormatter(parser.prog, width=90)
    formatter.add_usage(
        parser.usage, parser._actions, parser._mutually_exclusive_groups
    )
    return formatter.format_help().strip().split('\n')


class ProgramOptions(Directive):
    """Usage, description and options of one command.

    ``without`` names options that another place of the manual explains.
    """

    required_arguments = 1
    optional_arguments = 9
    option_spec: typing.ClassVar = {
        'without': str.split,
        'no-usage': lambda _value: True,
    }

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        program, *commands = self.arguments
        parser = parser_of(program, commands)
        hidden = {'-h', '--help', *self.options.get('without', ())}
        lines: list[str] = []
        if 'no-usage' not in self.options:
            shown = (f'   {line}' for line in usage(parser))
            lines += ['.. code-block:: text', '', *shown, '']
        if parser.description:
            paragraphs = parser.description.split('\n\n')
            for paragraph in paragraphs:
                lines += [_sentence(paragraph), '']
        lines += option_lines(parser, hidden)
        node = nodes.section()
        node.document = self.state.document
        content = statemachine.StringList(
            lines, source=' '.join(self.arguments)
        )
        nested_parse_with_titles(self.state, content, node)
        return node.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive to Sphinx."""
    app.add_directive('program-options', ProgramOptions)
    return {'parallel_read_safe': True}
