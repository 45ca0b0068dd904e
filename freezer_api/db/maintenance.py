"""What a storage promises to commands that walk through all that it keeps:
copying it to another store, and comparing what is indexed with what is kept.
"""

import abc
import collections.abc

from freezer_api.db.entries import Entry, Place
from freezer_api.db.walks import Drift, WalkStep


class Maintained(abc.ABC):
    """The part of :class:`freezer_api.db.base.Storage` that
    ``freezer-manage`` uses. Its entries are those of all projects.
    """

    # To another store. Nobody else writes meanwhile.

    @abc.abstractmethod
    def count(self, kind: str) -> int:
        """Return the number of entries of a kind (or :data:`.base.RUNS`)."""

    @abc.abstractmethod
    def entries(self, kind: str, after: Place, limit: int) -> list[Entry]:
        """Return the first entries of a kind behind a place (the empty one:
        from the beginning), [] at the end.

        Documents come in the order of their creation, as in lists. Records of
        runs come by project, session id and tag, texts in the order of their
        UTF-8 bytes; the current run has none. Entries are as they are kept: a
        run that has lapsed isn't completed by this. An operation that was
        interrupted is seen as done or as not done.

        At most ``limit``, and at least one if there is one. The cost is that
        of the entries returned.
        """

    @abc.abstractmethod
    def restore(self, entries: collections.abc.Sequence[Entry]) -> None:
        """Keep entries of one kind exactly as :meth:`entries` of another store
        returned them, with versions and timestamps.

        Documents are placed behind all that are there, in the order given. An
        equal entry (:meth:`Entry.dump`) that is there already is accepted.
        ``Conflict``, and nothing changes, if a different one is there, if
        another document has the claim, or if a record's session is missing.
        Entries aren't compared with each other.

        After an interruption some of them may be kept. Called again with the
        same entries, and perhaps more behind them, it completes all in their
        order.
        """

    # What was imported from another service. Nobody else imports meanwhile.

    @abc.abstractmethod
    def read_stamps(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> dict[str, bytes]:
        """Return the stamps of a project's documents that have one, by id."""

    @abc.abstractmethod
    def write_stamps(
        self,
        kind: str,
        project_id: str,
        stamps_by_id: collections.abc.Mapping[str, bytes],
    ) -> None:
        """Keep stamps of a project's documents, 32 bytes each by id, in place
        of those that they have.

        They are for the import alone, which knows by them what it has brought
        before. They stay when documents are changed or deleted, and aren't
        copied.
        """

    @abc.abstractmethod
    def stamped(
        self, kind: str, after: tuple[str, str], limit: int
    ) -> list[tuple[str, str]]:
        """Return the first projects and ids behind one that have stamps,
        ordered by their bytes; [] at the end.
        """

    # What is indexed. Others read and write meanwhile.

    @abc.abstractmethod
    def named(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> list[Entry]:
        """Return those documents of a project that exist under ids, as
        :meth:`entries` does.
        """

    @abc.abstractmethod
    def verify(
        self, kind: str, after: Place, limit: int, thorough: bool = True
    ) -> WalkStep:
        """Compare what is derived from documents (search terms, texts,
        timestamps, claims) with them: ``limit`` of a kind behind a place.

        The kind :data:`.walks.LEFT` stands for what belongs to no document.
        Nothing is written. What others change meanwhile is no drift: an
        apparent one is looked at again until both sides were seen in one
        state. What an earlier version of the index
        (:data:`.search_pairs.INDEX_VERSION`) derived is counted, not compared.
        Without ``thorough`` only that number is read, at hardly any cost.
        """

    @abc.abstractmethod
    def reindex(
        self, kind: str, after: Place, limit: int, thorough: bool = False
    ) -> WalkStep:
        """Derive again what an earlier version of the index derived, in a walk
        like :meth:`verify`.

        With ``thorough``, also what has drifted; the step reports it. Each
        document is changed by itself, and its version stays. What is up to
        date isn't written, so an interrupted walk can begin again.
        """

    @abc.abstractmethod
    def repair(self, drift: Drift) -> bool:
        """Make two documents agree that contradicted each other when a drift
        with an ``other`` was found; return whether they do so now.

        It is one operation like those of the API, which looks at both again.
        Which of them is right: :mod:`freezer_api.db.operations.repairs`.
        """
