"""What tests of the import share: a store to import into, and what was told."""

import collections
import contextlib
import pathlib

import fixtures
import testtools

from freezer_api import conf as configuration
from freezer_api import db
from freezer_api.db import base, verifying
from freezer_api.db.base import Entry, Scope
from freezer_api.importing import source
from freezer_api.importing.importer import Importer
from freezer_api.importing.keeping import Keeper
from freezer_api.importing.notes import Note
from tests.importing import published
from tests.importing.published import BEGIN_SECONDS, PROJECT, Published
from tests.live import programs

SECOND = 1_000_000
#: An hour after the rows were written: every hold-off window has passed.
NOW = (BEGIN_SECONDS + 3600) * SECOND


@contextlib.contextmanager
def no_progress(_step, _total):
    """Show nothing."""
    yield lambda _count: None


class ImportTest(testtools.TestCase):
    """Imports a database into a new store on SQLite."""

    def setUp(self):
        super().setUp()
        self.notes: list[Note] = []
        self.fates: list[tuple[str, str]] = []

    def database(self, revision: str = published.RELEASE_18, url: str = '') -> Published:
        """A database of the published service with a client and an action."""
        origin = self.useFixture(Published(revision, url))
        origin.add('clients', 'c1')
        origin.add('actions', 'act')
        return origin

    def store(self, url: str = '', extra: str = '') -> base.Storage:
        """A store with the schema of this release: at a URL, or as sections of the configuration
        say; else in a file.
        """
        folder = self.useFixture(fixtures.TempDir()).path
        if not (url or extra):
            url = f'sqlite:///{pathlib.Path(folder, "own.db")}'
        conf = configuration.new()
        file = programs.configuration(folder, url or None, extra)
        conf([f'--config-file={file}'], default_config_dirs=[])
        storage = db.load(conf)
        self.addCleanup(storage.close)
        storage.sync()
        return storage

    def run_import(
        self,
        origin: Published,
        storage: base.Storage | None,
        project_id: str | None = None,
        is_dry: bool = False,
        now: int = NOW,
    ) -> Keeper:
        """Import, and return what came of it; notes and fates are collected."""
        self.notes.clear()
        self.fates.clear()
        opened = source.Source(origin.url, project_id)
        self.addCleanup(opened.close)
        opened.open()
        keeper = Keeper(storage, now, self._tell_fate, is_dry)
        self.addCleanup(keeper.close)
        importer = Importer(opened, keeper, now, self.notes.append)
        importer.run(no_progress)
        importer.tell_deleted()
        return keeper

    def imported(self, origin: Published) -> base.Storage:
        """A new store into which the database was imported; it has no inconsistency."""
        storage = self.store()
        self.run_import(origin, storage)
        self.assert_consistent(storage)
        return storage

    def assert_consistent(self, storage: base.Storage) -> None:
        """Nothing in a store contradicts anything else."""
        outdated: collections.Counter[str] = collections.Counter()
        self.assertEqual([], list(verifying.verify(storage, no_progress, outdated)))

    def rules(self, id: str) -> list[str]:
        """The rules that decided about a document."""
        return [note.rule for note in self.notes if note.id == id]

    def body(self, storage: base.Storage, kind: str, id: str, project: str = PROJECT) -> dict:
        """A document as it is shown, without version."""
        return storage.get(Scope(project), kind, id).body

    def _tell_fate(self, fate: str, entry: Entry, _why: str) -> None:
        self.fates.append((fate, entry.id))
