"""The commands of ``freezer-manage`` that create, upgrade and contract the
schema of the store, and tell its version.
"""

import argparse
import logging
import sys

from oslo_config import cfg

from freezer_api.cmd import common, imports, lifecycle, stores
from freezer_api.cmd.stores import PROG

LOG = logging.getLogger(__name__)
SYNC = """Create the schema, or bring it to this release's: all that processes of the
release before tolerate, so they go on. What they don't tolerate waits for
--contract, and is named. Run that when none of them is left."""


def sync(conf: cfg.ConfigOpts) -> int:
    """Create or upgrade the schema, or contract it."""
    if conf.command.contract:
        return _contract(conf)
    command_log = stores.CommandLog(conf)
    with stores.open_store(conf) as storage:
        before = lifecycle.schema_version(storage)
        storage.sync()
        after = lifecycle.schema_version(storage)
        command_log.log(common.address(storage), f'schema {before} -> {after}')
        print(f'The schema is at {after}.')
        left = lifecycle.describe_uncontracted(storage)
        if left:
            print(left)
        warning = imports.describe_pending(conf, storage)
        if warning:
            print(f'{PROG}: {warning}', file=sys.stderr)
            LOG.warning('%s', warning)
    return common.DONE


def _contract(conf: cfg.ConfigOpts) -> int:
    """Remove from the schema what only earlier releases need."""
    command_log = stores.CommandLog(conf)
    with stores.open_store(conf) as storage:
        left = storage.uncontracted()
        storage.contract_schema()
        done = ', '.join(left) or 'nothing'
        command_log.log(common.address(storage), f'contracted: {done}')
        print(f'The schema is at {lifecycle.schema_version(storage)}.')
        if left:
            print(f'Only releases of schema {left[-1]} and later can use it.')
        else:
            print('Nothing is left to contract.')
    return common.DONE


def show_version(conf: cfg.ConfigOpts) -> int:
    """Print the version of the schema; ``none`` if there is no schema."""
    with stores.open_store(conf) as storage:
        print(lifecycle.schema_version(storage))
        left = lifecycle.describe_uncontracted(storage)
        if left:
            # Scripts read the version from standard output.
            print(f'{PROG}: {left}', file=sys.stderr)
    return common.DONE


def set_up_sync(parser: argparse.ArgumentParser) -> None:
    """Add what ``db sync`` and ``db update`` take."""
    parser.description = SYNC
    parser.add_argument(
        '--contract',
        action='store_true',
        help='remove what only earlier releases need, once their processes'
        ' are gone',
    )
    parser.set_defaults(run=sync)
