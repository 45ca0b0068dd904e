"""``freezer-manage``: what an operator does to the store."""

import argparse
import sys
import typing

from oslo_config import cfg

from freezer_api import conf as configuration
from freezer_api import db
from freezer_api.cmd import common
from freezer_api.conf import files
from freezer_api.db import base

PROG = 'freezer-manage'


def sync(storage: base.Storage, _command: typing.Any) -> int:
    """Create or upgrade the schema."""
    storage.sync()
    print(f'The schema is at {storage.version()}.')
    return common.DONE


def version(storage: base.Storage, _command: typing.Any) -> int:
    """Print the version of the schema; ``none`` where there is no schema."""
    print(storage.version() or 'none')
    return common.DONE


def purge(storage: base.Storage, command: typing.Any) -> int:
    """Erase a project; print how many documents of each kind are gone."""
    for kind, count in storage.purge(command.project_id).items():
        print(f'{kind}: {count}')
    return common.DONE


def add_parsers(subparsers: typing.Any) -> None:
    """The commands below ``freezer-manage``."""
    database = subparsers.add_parser('db', help='the schema of the store').add_subparsers(dest='action', required=True)
    database.add_parser('sync', help='create it, or upgrade it to this release').set_defaults(run=sync)
    database.add_parser('version', help='print its version').set_defaults(run=version)
    project = subparsers.add_parser('project', help='a whole project').add_subparsers(dest='action', required=True)
    erase: argparse.ArgumentParser = project.add_parser('purge', help='erase all its documents, without asking back')
    erase.add_argument('project_id', metavar='ID')
    erase.set_defaults(run=purge)


@common.command(PROG)
def main(argv: list[str]) -> int:
    """Run one command. Exit code 1 with one line on what an operator has to mend, 2 for a wrong command line."""
    conf = configuration.new()
    conf.register_cli_opt(cfg.SubCommandOpt('command', title='commands', handler=add_parsers))
    files.read(conf, argv, PROG)
    storage = db.load(conf)
    try:
        return conf.command.run(storage, conf.command)
    finally:
        storage.close()


if __name__ == '__main__':
    sys.exit(main())
