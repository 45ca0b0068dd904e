"""``freezer-manage``: what an operator does to the store."""

import argparse
import collections
import sys
import typing

import tqdm
from oslo_config import cfg

from freezer_api import conf as configuration
from freezer_api.cmd import (
    common,
    doctor,
    imports,
    schema,
    session_views,
    stores,
)
from freezer_api.conf import files
from freezer_api.db import copying, verifying
from freezer_api.domain import documents
from freezer_api.services import projects

#: What ``add_subparsers`` returns; it has no public name.
Subparsers: typing.TypeAlias = (
    'argparse._SubParsersAction[argparse.ArgumentParser]'
)

PROG = stores.PROG
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


def import_published(conf: cfg.ConfigOpts) -> int:
    """Import the published service's database."""
    command_log = stores.CommandLog(conf)
    with stores.open_store(conf) as storage:
        code, counts = imports.run(conf, storage, stores.show_progress)
        effect = f'{stores.list_counts(counts)} imported'
        command_log.log(common.address(storage), effect)
    return code


def copy(conf: cfg.ConfigOpts) -> int:
    """Copy one store into another; print how many documents of each kind both
    have now.
    """
    command_log = stores.CommandLog(conf)
    if conf.command.source == conf.command.target:
        return common.fail(PROG, '--from and --to name the same store')
    counts: dict[str, int] = {}
    with (
        stores.open_named_store(conf, conf.command.source) as source,
        stores.open_named_store(conf, conf.command.target) as target,
    ):
        source.check()
        target.sync()
        result = copying.copy(source, target, stores.show_progress)
        for kind, copied in result.items():
            count, before = copied.contents.count, copied.before
            counts[kind] = count - before
            print(
                f'{kind}: {count} ({before} of them were there before),'
                f' digest {copied.contents.digest} on both sides'
            )
        command_log.log(
            f'{common.address(source)} to {common.address(target)}',
            f'{stores.list_counts(counts)} copied',
        )
    return common.DONE


def reindex(conf: cfg.ConfigOpts) -> int:
    """Bring the search index up to date; print what was inconsistent, and how
    many documents of each kind were reindexed and repaired.
    """
    command_log = stores.CommandLog(conf)
    indexed: collections.Counter[str] = collections.Counter()
    repaired: collections.Counter[str] = collections.Counter()
    with stores.open_store(conf) as storage:
        storage.check()
        drifts = verifying.reindex(
            storage, stores.show_progress, conf.command.all, indexed
        )
        for drift in drifts:
            # Not print(): it would write into the progress bar.
            tqdm.tqdm.write(stores.describe_drift(drift))
            repaired[drift.kind] += drift.mendable
        command_log.log(
            common.address(storage),
            f'{stores.list_counts(indexed)} reindexed,'
            f' {stores.list_counts(repaired)} repaired',
        )
    for kind in documents.KINDS:
        print(f'{kind}: {indexed[kind]} reindexed, {repaired[kind]} repaired')
    return common.DONE


def verify(conf: cfg.ConfigOpts) -> int:
    """Report what is inconsistent; the exit code says whether anything is."""
    command_log = stores.CommandLog(conf)
    outdated: collections.Counter[str] = collections.Counter()
    found = repairable = 0
    with stores.open_store(conf) as storage:
        storage.check()
        for drift in verifying.verify(storage, stores.show_progress, outdated):
            tqdm.tqdm.write(stores.describe_drift(drift))
            found += 1
            repairable += drift.mendable
        command_log.log(
            common.address(storage),
            f'{found} inconsistencies, {repairable} of them repairable;'
            f' {stores.list_counts(outdated)} indexed by an earlier release',
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
    command_log = stores.CommandLog(conf)
    with stores.open_store(conf) as storage:
        deleted = projects.purge(storage, project_id)
        command_log.log(
            common.address(storage),
            f'project {project_id}: {stores.list_counts(deleted)} deleted',
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


def add_parsers(subparsers: Subparsers) -> None:
    """Add the commands of ``freezer-manage``."""
    database = subparsers.add_parser('db', help='manage the store')
    _add_database_parsers(
        database.add_subparsers(dest='action', required=True)
    )
    project = subparsers.add_parser('project', help='manage a project')
    _add_project_parsers(project.add_subparsers(dest='action', required=True))
    session = subparsers.add_parser('session', help='look at sessions')
    session_views.add_parsers(
        session.add_subparsers(dest='action', required=True)
    )
    parser = subparsers.add_parser(
        'doctor',
        help='find what is wrong in the store, and repair it',
        description=doctor.DESCRIPTION,
    )
    doctor.add_arguments(parser)


def _add_database_parsers(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        'sync', help='create the schema, or upgrade it to this release'
    )
    schema.set_up_sync(parser)
    # Deployment tools call it by this name.
    parser = subparsers.add_parser('update', help='same as sync')
    schema.set_up_sync(parser)
    parser = subparsers.add_parser(
        'version', help='print the version of the schema'
    )
    parser.set_defaults(run=schema.show_version)
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
