"""``freezer-manage``: what an operator does to the store."""

import argparse
import collections
import collections.abc
import contextlib
import os
import sys
import typing

import tqdm
from oslo_config import cfg

from freezer_api import conf as configuration
from freezer_api import db, version
from freezer_api.cmd import common
from freezer_api.conf import files
from freezer_api.db import base, copying, steps, verifying
from freezer_api.domain import documents
from freezer_api.services import projects

PROG = 'freezer-manage'
COPY = """Copy everything from one store into another, empty one: ids, versions, times
of creation, the order of lists, and runs. Stop all API processes first, and
start them with the other store afterwards: nothing may use either store
meanwhile. The other store's schema is created if it is missing. If
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
    'the name of a driver ("sqlalchemy"), configured by the configuration '
    'files of this command, or the path of another configuration file'
)


def sync(conf: cfg.ConfigOpts) -> int:
    """Create or upgrade the schema."""
    with _stored(conf) as storage:
        storage.sync()
        print(f'The schema is at {storage.version()}.')
    return common.DONE


def show_version(conf: cfg.ConfigOpts) -> int:
    """Print the version of the schema; ``none`` where there is no schema."""
    with _stored(conf) as storage:
        print(storage.version() or 'none')
    return common.DONE


def copy(conf: cfg.ConfigOpts) -> int:
    """Copy one store into another one; print what both have now of each
    kind.
    """
    if conf.command.source == conf.command.target:
        return common.fail(PROG, '--from and --to name the same store')
    with (
        _named(conf, conf.command.source) as source,
        _named(conf, conf.command.target) as target,
    ):
        source.check()
        target.sync()
        for kind, copied in copying.copy(source, target, _progress).items():
            count, before = copied.contents.count, copied.before
            print(
                f'{kind}: {count} ({before} of them were there), digest'
                f' {copied.contents.digest} on both sides'
            )
    return common.DONE


def reindex(conf: cfg.ConfigOpts) -> int:
    """Bring what is indexed up to date; print what had drifted, and how much
    was done.
    """
    done: collections.Counter[str] = collections.Counter()
    mended: collections.Counter[str] = collections.Counter()
    with _stored(conf) as storage:
        storage.check()
        for drift in verifying.reindex(
            storage, _progress, conf.command.all, done
        ):
            tqdm.tqdm.write(_told(drift))
            mended[drift.kind] += drift.mendable
    for kind in documents.KINDS:
        print(f'{kind}: {done[kind]} indexed anew, {mended[kind]} mended')
    return common.DONE


def verify(conf: cfg.ConfigOpts) -> int:
    """Tell what has drifted; the exit code says whether anything has."""
    outdated: collections.Counter[str] = collections.Counter()
    found = mendable = 0
    with _stored(conf) as storage:
        storage.check()
        for drift in verifying.verify(storage, _progress, outdated):
            tqdm.tqdm.write(_told(drift))
            found += 1
            mendable += drift.mendable
    for kind, count in outdated.items():
        if count:
            print(
                f'{kind}: {count} are indexed by an earlier release; run:'
                f' {PROG} db reindex'
            )
    print(
        f'{found} drifts; {mendable} of them are mended by: {PROG} db reindex'
        ' --all'
        if found
        else 'No drifts.'
    )
    return common.FAILED if found or any(outdated.values()) else common.DONE


def _told(drift: steps.Drift) -> str:
    """A drift as a line."""
    which = f' {drift.id}' if drift.id else ''
    where = f' in project {drift.project_id}' if drift.project_id else ''
    return f'{drift.kind}{which}{where}: {drift.what}'


def purge(conf: cfg.ConfigOpts) -> int:
    """Erase a project, once somebody has said yes; print how many documents of
    each kind are gone.
    """
    project_id = conf.command.project_id
    if not project_id.strip():
        return common.fail(PROG, 'ID: a project is needed')
    if not conf.command.yes:
        if not sys.stdin.isatty():
            return common.fail(
                PROG,
                'nobody is here to be asked; --yes erases without a question',
            )
        if not _confirmed(
            f'Erase all documents of project {project_id}? It cannot be'
            ' undone. [y/N] '
        ):
            return common.fail(PROG, 'nothing was erased')
    with _stored(conf) as storage:
        erased = projects.purge(storage, project_id)
        for kind, count in erased.items():
            print(f'{kind}: {count}')
    if not any(erased.values()):
        print(f'There was nothing of project {project_id}.')
    return common.DONE


def _confirmed(question: str) -> bool:
    """Whether somebody at the terminal says yes."""
    try:
        return input(question).strip().lower() in ('y', 'yes')
    except EOFError:
        print()
        return False


def _stored(conf: cfg.ConfigOpts) -> contextlib.closing[base.Storage]:
    """The store of a configuration, for as long as it is used."""
    return contextlib.closing(
        typing.cast(base.Storage, common.Located(db.load(conf)))
    )


def _named(
    conf: cfg.ConfigOpts, name: str
) -> contextlib.closing[base.Storage]:
    """The store that an argument of ``copy`` names."""
    if os.sep in name or os.path.isfile(name):
        other = configuration.new()
        other(
            [f'--config-file={name}'],
            project=files.PROJECT,
            prog=PROG,
            version=version.release(),
            default_config_files=[],
            default_config_dirs=[],
        )
        files.validate(other)
        return _stored(other)
    conf.set_override('driver', name, 'storage')
    try:
        return _stored(conf)
    finally:
        conf.clear_override('driver', 'storage')


@contextlib.contextmanager
def _progress(
    step: str, total: int
) -> collections.abc.Iterator[copying.Advance]:
    """A bar on a terminal; elsewhere a line when a step is done that had
    anything to do.
    """
    with tqdm.tqdm(
        desc=step, total=total, unit='', disable=None, leave=False
    ) as bar:
        yield bar.update
        silent = bar.disable
    if silent and total:
        print(f'{step}: done', flush=True)


def add_parsers(subparsers: typing.Any) -> None:
    """The commands below ``freezer-manage``."""
    database = subparsers.add_parser('db', help='the store').add_subparsers(
        dest='action', required=True
    )
    database.add_parser(
        'sync', help='create its schema, or upgrade it to this release'
    ).set_defaults(run=sync)
    database.add_parser('update', help='the same as sync').set_defaults(
        run=sync
    )
    database.add_parser(
        'version', help="print its schema's version"
    ).set_defaults(run=show_version)
    moved: argparse.ArgumentParser = database.add_parser(
        'copy',
        help='copy all of a store into another one, while no API process runs',
        description=COPY,
    )
    moved.add_argument(
        '--from', dest='source', metavar='STORE', required=True, help=STORE
    )
    moved.add_argument(
        '--to',
        dest='target',
        metavar='STORE',
        required=True,
        help='likewise, the store to copy into',
    )
    moved.set_defaults(run=copy)
    anew: argparse.ArgumentParser = database.add_parser(
        'reindex',
        help='bring what documents are found by up to date',
        description=REINDEX,
    )
    anew.add_argument(
        '--all',
        action='store_true',
        help='also read every document, and mend what has drifted (db verify)',
    )
    anew.set_defaults(run=reindex)
    database.add_parser(
        'verify', help='tell what has drifted', description=VERIFY
    ).set_defaults(run=verify)
    project = subparsers.add_parser(
        'project', help='a whole project'
    ).add_subparsers(dest='action', required=True)
    erase: argparse.ArgumentParser = project.add_parser(
        'purge', help='erase all its documents'
    )
    erase.add_argument('project_id', metavar='ID')
    erase.add_argument(
        '--yes', action='store_true', help='erase without asking'
    )
    erase.set_defaults(run=purge)


@common.command(PROG)
def main(argv: list[str]) -> int:
    """Run one command. Exit code 1 with one line on what has failed, 2 for a
    wrong command line.
    """
    conf = configuration.new()
    conf.register_cli_opt(
        cfg.SubCommandOpt('command', title='commands', handler=add_parsers)
    )
    files.read(conf, argv, PROG, quiet=True)
    return conf.command.run(conf)


if __name__ == '__main__':
    sys.exit(main())
