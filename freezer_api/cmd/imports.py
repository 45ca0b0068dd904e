"""``freezer-manage db import``: its arguments, and its report."""

import collections
import collections.abc
import contextlib
import dataclasses
import json
import os
import typing

import tqdm
from oslo_config import cfg

from freezer_api.cmd import common, stores
from freezer_api.db.base import Entry, Storage
from freezer_api.domain import documents, texts
from freezer_api.importing import importer, pending, source
from freezer_api.importing.importer import Importer
from freezer_api.importing.keeping import FATES, Fate, Keeper
from freezer_api.importing.notes import RULES, Note

PROG = 'freezer-manage'
DESCRIPTION = """Import the database of the published freezer-api, of any release from 15 to 19.
It is only read, and may be in use. Every live client, action, job, session,
backup and trust is imported; what had to be repaired, and what is kept although
the API would refuse it today, is told line by line, with the rule that decided.
No API process of this release should run meanwhile. If interrupted, run it
again; it resumes. Run it again later, and it brings what is new and tells what
has changed since on either side. At the end the source is read again and
compared; the exit code is 1 if anything is missing."""

#: What the report says of each fate.
_HEADINGS: dict[Fate, str] = {
    'imported': 'imported',
    'present': 'present before',
    'changed-here': 'changed here',
    'changed-there': 'changed in source',
    'changed-both': 'changed in both',
    'deleted-here': 'deleted here',
    'deleted-there': 'deleted in source',
    'refused': 'refused',
}
#: Fates that have a column though no document has met them.
_ALWAYS: tuple[Fate, ...] = ('imported', 'present')


def add_arguments(parser: typing.Any) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument(
        '--from',
        dest='source',
        metavar='SOURCE',
        help='the database to import: its URL, or the path of the published'
        " service's configuration file; by default the database of this"
        " release's own configuration",
    )
    parser.add_argument(
        '--project',
        metavar='ID',
        help='the project for documents that have none (made by the v1 API)',
    )
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help='report what would be imported, and write nothing',
    )
    parser.add_argument(
        '--json',
        action='store_true',
        help='report as JSON: one object a line, the last one with the counts',
    )


def run(
    conf: cfg.ConfigOpts, storage: Storage, progress: importer.Progress
) -> tuple[int, dict[str, int]]:
    """Import into a store, and report; return the exit code, and how many
    documents of each kind were imported.
    """
    arguments = conf.command
    report = Report(arguments.json)
    if arguments.json:
        progress = stores.no_progress
    origin = source.Source(_url(conf), arguments.project)
    with contextlib.closing(origin):
        origin.open()
        target = _target(storage, arguments.dry_run)
        now = documents.now()
        keeper = Keeper(target, now, report.tell_fate, arguments.dry_run)
        with contextlib.closing(keeper):
            imported = Importer(origin, keeper, now, report.tell)
            imported.run(progress)
            imported.tell_deleted()
        missing = 0
        if not keeper.is_dry:
            missing = _count_missing(origin, storage, now, progress)
            # Those were told, and aren't missed.
            missing -= keeper.count('deleted-here')
        report.finish(
            origin.revision, keeper, imported.rules, arguments.dry_run, missing
        )
    counts: dict[str, int] = {}
    if not keeper.is_dry:
        for kind in importer.KINDS:
            counts[kind] = keeper.fates[kind]['imported']
    if missing or keeper.count('refused'):
        return common.FAILED, counts
    return common.DONE, counts


def describe_pending(conf: cfg.ConfigOpts, storage: Storage) -> str:
    """Say that the store's database has documents of the published service
    that were not imported; '' if it has none.
    """
    if conf.storage.driver != 'sqlalchemy' or not conf.database.connection:
        return ''
    count = pending.count(storage, conf.database.connection)
    if not count:
        return ''
    return (
        f'The database has {count} documents of the published freezer-api,'
        ' which were never imported. Run: freezer-manage db import'
    )


class Report:
    """Tells notes as they come, and the counts at the end: as lines and a
    table, or as JSON.
    """

    def __init__(self, as_json: bool):
        self._as_json = as_json

    def tell(self, note: Note) -> None:
        """Tell what a rule decided about a document."""
        if self._as_json:
            self._print({'note': dataclasses.asdict(note)})
            return
        detail = f'{note.rule}: {note.detail}'
        self._print_line(note.kind, note.id, note.project_id, detail)

    def tell_fate(self, fate: Fate, entry: Entry, why: str) -> None:
        """Tell that a document was not imported, and why."""
        if self._as_json:
            found = {
                'kind': entry.kind,
                'project_id': entry.project_id,
                'id': entry.id,
                'fate': fate,
                'detail': why,
            }
            self._print({'document': found})
            return
        detail = f'{_HEADINGS[fate]}: {why}'
        self._print_line(entry.kind, entry.id, entry.project_id, detail)

    def finish(
        self,
        revision: str,
        keeper: Keeper,
        rules: collections.abc.Mapping[str, int],
        is_dry: bool,
        missing: int,
    ) -> None:
        """Tell the counts."""
        if self._as_json:
            counts = {
                kind: dict(keeper.fates[kind]) for kind in importer.KINDS
            }
            self._print(
                {
                    'summary': {
                        'revision': revision,
                        'dry_run': is_dry,
                        'documents': counts,
                        'rules': dict(rules),
                        'missing': missing,
                    }
                }
            )
            return
        self._print_table(keeper)
        for rule, count in sorted(rules.items()):
            print(f'{rule} ({count}): {RULES[rule]}')
        if is_dry:
            print(f'Nothing was written. The source is at {revision}.')
        elif missing:
            print(f'{missing} documents of the source are missing.')
        else:
            print('Verified: every document of the source is there.')

    def _print_table(self, keeper: Keeper) -> None:
        # All columns are too many for a terminal, and most are empty.
        fates = [
            fate for fate in FATES if fate in _ALWAYS or keeper.count(fate)
        ]
        cells = [('', *(_HEADINGS[fate] for fate in fates))]
        for kind in importer.KINDS:
            numbers = [str(keeper.fates[kind][fate]) for fate in fates]
            cells.append((kind, *numbers))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for first, *numbers in cells:
            line = [first.ljust(widths[0])]
            for number, width in zip(numbers, widths[1:], strict=True):
                line.append(number.rjust(width))
            print('  '.join(line).rstrip())

    def _print_line(
        self, kind: str, id: str, project_id: str, detail: str
    ) -> None:
        subject = f'{kind} {id} in project {project_id}'
        # Not print(): it would write into the progress bar.
        tqdm.tqdm.write(texts.printable(f'{subject}: {detail}'))

    def _print(self, found: dict[str, typing.Any]) -> None:
        print(json.dumps(found), flush=True)


def _target(storage: Storage, is_dry: bool) -> Storage | None:
    """Return the store to import into; None for a dry run where there is no
    schema yet.
    """
    if is_dry and storage.version() is None:
        return None
    storage.check()
    return storage


def _count_missing(
    origin: source.Source,
    storage: Storage,
    now: int,
    progress: importer.Progress,
) -> int:
    """Read the source again; return how many documents of it the store
    hasn't, with those that were deleted here.
    """
    # Both were told of already.
    keeper = Keeper(storage, now, lambda *_: None, is_dry=True)
    with contextlib.closing(keeper):
        again = Importer(origin, keeper, now, lambda _: None)
        again.run(progress, 'verifying')
    return keeper.count('imported') + keeper.count('deleted-here')


def _url(conf: cfg.ConfigOpts) -> str:
    """Return the URL of the source."""
    name = conf.command.source
    if name is None:
        return conf.database.connection or ''
    if not os.path.isfile(name):
        return name
    other = common.read_file(name, PROG)
    return other.database.connection or ''
