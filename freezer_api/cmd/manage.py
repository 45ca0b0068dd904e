"""``freezer-manage``: what an operator does to the store."""

import argparse
import collections
import collections.abc
import contextlib
import logging
import os
import sys
import time
import typing

import tqdm
from oslo_config import cfg

from freezer_api import conf as configuration
from freezer_api import db, version
from freezer_api.cmd import common, imports, lifecycle
from freezer_api.conf import files
from freezer_api.db import base, copying, steps, verifying
from freezer_api.domain import documents
from freezer_api.services import projects

#: What ``add_subparsers`` returns; it has no public name.
Subparsers: typing.TypeAlias = (
    'argparse._SubParsersAction[argparse.ArgumentParser]'
)

LOG = logging.getLogger(__name__)
PROG = 'freezer-manage'
SYNC = """Create the schema, or bring it to this release's: all that processes of the
release before tolerate, so they go on. What they don't tolerate waits for
--contract, and is named. Run that when none of them is left."""
COPY = """Copy everything from one store into another, empty one: ids, versions, times
of creation, the order of lists, and runs. Stop all API processes before you
copy, and start them with the other store afterwards: nothing may use either
store meanwhile. The other store's schema is created if it is missing. If
interrupted, run it again; it resumes. At the end both stores are read and
compared; unless they are equal, one line says why and the exit code is 1."""
REINDEX = """Bring the search index of all documents up to date with this release. Needed
after an upgrade if its release notes or the upgrade check say so. API
processes may run meanwhile. Documents that are up to date are skipped: if
interrupted, run it again."""
VERIFY = """Read the whole store and report what is inconsistent, one line each: what is
derived from a document (search terms, texts, times, claims) and differs from
it, and documents that contradict each other (a session and its members, a job
and its actions and trust). Nothing is written. API processes may run
meanwhile. The exit code is 1 if anything is reported."""
STORE = (
    'the name of a driver ("sqlalchemy"), which the configuration files of'
    ' this command configure, or the path of another configuration file'
)


class CommandLog:
    """Logs what a command did, and how long it took since this was made."""

    def __init__(self, conf: cfg.ConfigOpts):
        self._command = f'{conf.command.name} {conf.command.action}'
        self._began = time.monotonic()

    def log(self, where: str, effect: str) -> None:
        """Log at INFO what the ``effect`` was on the store at an address."""
        LOG.info(
            '%s %s, %s, %s: %s; %.1f seconds',
            PROG,
            version.release(),
            self._command,
            where or 'address unknown',
            effect,
            time.monotonic() - self._began,
        )


def sync(conf: cfg.ConfigOpts) -> int:
    """Create or upgrade the schema, or contract it."""
    if conf.command.contract:
        return _contract(conf)
    command_log = CommandLog(conf)
    with _open_store(conf) as storage:
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
    command_log = CommandLog(conf)
    with _open_store(conf) as storage:
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


def import_published(conf: cfg.ConfigOpts) -> int:
    """Import the published service's database."""
    command_log = CommandLog(conf)
    with _open_store(conf) as storage:
        code, counts = imports.run(conf, storage, _show_progress)
        effect = f'{_list_counts(counts)} imported'
        command_log.log(common.address(storage), effect)
    return code


def show_version(conf: cfg.ConfigOpts) -> int:
    """Print the version of the schema; ``none`` if there is no schema."""
    with _open_store(conf) as storage:
        print(lifecycle.schema_version(storage))
        left = lifecycle.describe_uncontracted(storage)
        if left:
            # Scripts read the version from standard output.
            print(f'{PROG}: {left}', file=sys.stderr)
    return common.DONE


def copy(conf: cfg.ConfigOpts) -> int:
    """Copy one store into another; print how many documents of each kind both
    have now.
    """
    command_log = CommandLog(conf)
    if conf.command.source == conf.command.target:
        return common.fail(PROG, '--from and --to name the same store')
    counts: dict[str, int] = {}
    with (
        _open_named_store(conf, conf.command.source) as source,
        _open_named_store(conf, conf.command.target) as target,
    ):
        source.check()
        target.sync()
        result = copying.copy(source, target, _show_progress)
        for kind, copied in result.items():
            count, before = copied.contents.count, copied.before
            counts[kind] = count - before
            print(
                f'{kind}: {count} ({before} of them were there before),'
                f' digest {copied.contents.digest} on both sides'
            )
        command_log.log(
            f'{common.address(source)} to {common.address(target)}',
            f'{_list_counts(counts)} copied',
        )
    return common.DONE


def reindex(conf: cfg.ConfigOpts) -> int:
    """Bring the search index up to date; print what was inconsistent, and how
    many documents of each kind were reindexed and repaired.
    """
    command_log = CommandLog(conf)
    indexed: collections.Counter[str] = collections.Counter()
    repaired: collections.Counter[str] = collections.Counter()
    with _open_store(conf) as storage:
        storage.check()
        drifts = verifying.reindex(
            storage, _show_progress, conf.command.all, indexed
        )
        for drift in drifts:
            # Not print(): it would write into the progress bar.
            tqdm.tqdm.write(_describe_drift(drift))
            repaired[drift.kind] += drift.mendable
        command_log.log(
            common.address(storage),
            f'{_list_counts(indexed)} reindexed,'
            f' {_list_counts(repaired)} repaired',
        )
    for kind in documents.KINDS:
        print(f'{kind}: {indexed[kind]} reindexed, {repaired[kind]} repaired')
    return common.DONE


def verify(conf: cfg.ConfigOpts) -> int:
    """Report what is inconsistent; the exit code says whether anything is."""
    command_log = CommandLog(conf)
    outdated: collections.Counter[str] = collections.Counter()
    found = repairable = 0
    with _open_store(conf) as storage:
        storage.check()
        for drift in verifying.verify(storage, _show_progress, outdated):
            tqdm.tqdm.write(_describe_drift(drift))
            found += 1
            repairable += drift.mendable
        command_log.log(
            common.address(storage),
            f'{found} inconsistencies, {repairable} of them repairable;'
            f' {_list_counts(outdated)} indexed by an earlier release',
        )
    for kind, count in outdated.items():
        if count:
            print(
                f'{kind}: {count} are indexed by an earlier release; run:'
                f' {PROG} db reindex'
            )
    if found:
        print(
            f'{found} inconsistencies; to repair {repairable} of them run:'
            f' {PROG} db reindex --all'
        )
    else:
        print('No inconsistencies.')
    return common.FAILED if found or any(outdated.values()) else common.DONE


def _describe_drift(drift: steps.Drift) -> str:
    """Describe in one line what is inconsistent."""
    subject = drift.kind
    if drift.id:
        subject += f' {drift.id}'
    if drift.project_id:
        subject += f' in project {drift.project_id}'
    return f'{subject}: {drift.what}'


def purge(conf: cfg.ConfigOpts) -> int:
    """Delete all documents of a project, after confirmation; print how many of
    each kind were deleted.
    """
    project_id = conf.command.project_id
    # A script's unset variable: '' is no project, and blanks are none either.
    if not project_id.strip():
        return common.fail(PROG, 'ID: must not be empty')
    if not conf.command.yes:
        if not sys.stdin.isatty():
            return common.fail(
                PROG,
                'standard input is not a terminal; use --yes to delete'
                ' without confirmation',
            )
        if not _confirm(
            f'Delete all documents of project {project_id}? This cannot be'
            ' undone. [y/N] '
        ):
            return common.fail(PROG, 'nothing was deleted')
    command_log = CommandLog(conf)
    with _open_store(conf) as storage:
        deleted = projects.purge(storage, project_id)
        command_log.log(
            common.address(storage),
            f'project {project_id}: {_list_counts(deleted)} deleted',
        )
    for kind, count in deleted.items():
        print(f'{kind}: {count}')
    if not any(deleted.values()):
        print(f'Project {project_id} had no documents.')
    return common.DONE


def _confirm(question: str) -> bool:
    """Ask at the terminal; tell whether the answer is yes."""
    try:
        return input(question).strip().lower() in ('y', 'yes')
    except EOFError:
        # Ctrl-D leaves the cursor behind the question.
        print()
        return False


def _list_counts(counts: collections.abc.Mapping[str, int]) -> str:
    """List how many there are of each kind: ``3 sessions, 8 jobs``."""
    parts = [f'{count} {kind}' for kind, count in counts.items() if count]
    return ', '.join(parts) or 'nothing'


def _open_store(conf: cfg.ConfigOpts) -> contextlib.closing[base.Storage]:
    """Load the store of a configuration; it is closed at the end of the
    ``with`` block.
    """
    located = common.Located(db.load(conf))
    return contextlib.closing(typing.cast(base.Storage, located))


def _open_named_store(
    conf: cfg.ConfigOpts, name: str
) -> contextlib.closing[base.Storage]:
    """Load the store that ``--from`` or ``--to`` names: by a configuration
    file of its own, or by a driver's name.
    """
    if os.sep in name or os.path.isfile(name):
        other = common.read_file(name, PROG)
        files.validate(other)
        return _open_store(other)
    # Drivers read their options when they are loaded, so the other store may
    # have another driver by the same configuration.
    conf.set_override('driver', name, 'storage')
    try:
        return _open_store(conf)
    finally:
        conf.clear_override('driver', 'storage')


@contextlib.contextmanager
def _show_progress(
    step: str, total: int
) -> collections.abc.Iterator[copying.Advance]:
    """Show a progress bar on a terminal; elsewhere print a line at the end of
    each step that had anything to do.
    """
    with tqdm.tqdm(
        desc=step, total=total, unit='', disable=None, leave=False
    ) as bar:
        yield bar.update
        # tqdm decides by itself whether standard error is a terminal.
        has_no_bar = bar.disable
    if has_no_bar and total:
        print(f'{step}: done', flush=True)


def add_parsers(subparsers: Subparsers) -> None:
    """Add the commands of ``freezer-manage``."""
    database = subparsers.add_parser('db', help='manage the store')
    _add_database_parsers(
        database.add_subparsers(dest='action', required=True)
    )
    project = subparsers.add_parser('project', help='manage a project')
    _add_project_parsers(project.add_subparsers(dest='action', required=True))


def _add_database_parsers(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        'sync', help='create the schema, or upgrade it to this release'
    )
    _set_up_sync(parser)
    # Deployment tools call it by this name.
    parser = subparsers.add_parser('update', help='same as sync')
    _set_up_sync(parser)
    parser = subparsers.add_parser(
        'version', help='print the version of the schema'
    )
    parser.set_defaults(run=show_version)
    _add_copy_parser(subparsers)
    parser = subparsers.add_parser(
        'import',
        help='import the database of the published freezer-api',
        description=imports.DESCRIPTION,
    )
    imports.add_arguments(parser)
    parser.set_defaults(run=import_published)
    parser = subparsers.add_parser(
        'reindex',
        help='bring the search index up to date with this release',
        description=REINDEX,
    )
    parser.add_argument(
        '--all',
        action='store_true',
        help='also read every document and repair what db verify reports',
    )
    parser.set_defaults(run=reindex)
    parser = subparsers.add_parser(
        'verify', help='report what is inconsistent', description=VERIFY
    )
    parser.set_defaults(run=verify)


def _set_up_sync(parser: argparse.ArgumentParser) -> None:
    parser.description = SYNC
    parser.add_argument(
        '--contract',
        action='store_true',
        help='remove what only earlier releases need, once their processes'
        ' are gone',
    )
    parser.set_defaults(run=sync)


def _add_copy_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        'copy',
        help='copy a whole store into another one, while no API process runs',
        description=COPY,
    )
    parser.add_argument(
        '--from',
        dest='source',
        metavar='STORE',
        required=True,
        help=f'the store to copy from: {STORE}',
    )
    parser.add_argument(
        '--to',
        dest='target',
        metavar='STORE',
        required=True,
        help='the store to copy into, named in the same way',
    )
    parser.set_defaults(run=copy)


def _add_project_parsers(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        'purge', help='delete all documents of a project'
    )
    parser.add_argument('project_id', metavar='ID', help='id of the project')
    parser.add_argument(
        '--yes', action='store_true', help='delete without confirmation'
    )
    parser.set_defaults(run=purge)


@common.command(PROG)
def main(argv: list[str]) -> int:
    """Run one command. Exit code 1, with one line that says what failed, or 2
    for a wrong command line.
    """
    conf = configuration.new()
    conf.register_cli_opt(
        cfg.SubCommandOpt('command', title='commands', handler=add_parsers)
    )
    files.read(conf, argv, PROG, quiet=True)
    return conf.command.run(conf)


if __name__ == '__main__':
    sys.exit(main())
