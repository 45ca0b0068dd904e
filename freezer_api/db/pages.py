"""What is asked of a list, beside the query, and what it answers."""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.domain import documents
from freezer_api.domain.documents import Document
from freezer_api.domain.session_state import Record


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """Whose documents an operation sees: one project's, with ``central`` also
    the central clients of all projects.

    With ``everywhere`` :meth:`Storage.find` sees the jobs of every project.
    Where several have an id, the project's own comes first, else the oldest.
    """

    project_id: str
    central: bool = False
    everywhere: bool = False

    def sees_central(self, kind: str) -> bool:
        """Tell whether it has central documents of a kind."""
        return self.central and kind == documents.CLIENTS

    def sees_everywhere(self, kind: str) -> bool:
        """Tell whether it has a kind's documents of all projects."""
        return self.everywhere and kind == documents.JOBS


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Documents in the order of the query, and whether there are more behind
    them.
    """

    documents: tuple[Document, ...]
    more: bool


class Bounds(typing.NamedTuple):
    """The bytes that a page may have, and a document; those stored before may
    have more.
    """

    page: int
    document: int


def check_page(size: int, most: int) -> None:
    """Raise ``InvalidInput`` for a page whose ``size`` in bytes is more than
    ``most``.
    """
    if size > most:
        raise exceptions.InvalidInput(
            f'limit: the documents of this page are more than {most} bytes;'
            ' please ask for fewer.',
            'list.too-large',
        )


def runs_size(
    session_id: str, records: collections.abc.Iterable[Record]
) -> int:
    """Return the bytes that runs of a session are shown with."""
    return sum(documents.size(record.shown(session_id)) for record in records)
