"""What every use case is told about its caller, and the shapes in which it
answers.
"""

import collections.abc
import dataclasses
import typing
import uuid

from freezer_api import exceptions
from freezer_api.db import base
from freezer_api.db.base import Scope
from freezer_api.domain import documents, jobs, search
from freezer_api.domain.documents import Body, Document, HasEtag, Precondition

MAX_NAME = 255
State = typing.TypeVar('State', bound=HasEtag)


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and in which project: the one of the path, whose members'
    rights have been enforced before.

    ``all_projects``: the caller may list the jobs of every project, and see in
    them what only their own clients' projects do. ``roles`` and ``token`` are
    what trusts are made with.
    """

    project_id: str
    user_id: str
    all_projects: bool = False
    roles: frozenset[str] = frozenset()
    token: str = dataclasses.field(default='', repr=False)

    def __post_init__(self) -> None:
        for key in ('project_id', 'user_id'):
            if len(getattr(self, key)) > MAX_NAME:
                raise exceptions.InvalidInput(
                    f'{key}: is longer than {MAX_NAME} characters.'
                )

    @property
    def scope(self) -> Scope:
        """The caller's project alone."""
        return Scope(self.project_id)


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """A document as the caller may see it, and its bare entity tag."""

    body: Body
    etag: str


@dataclasses.dataclass(frozen=True, slots=True)
class ShownPage:
    """Documents of a page, and the marker under which the next page begins
    (None: there is none).

    ``next_project`` is whose document the marker is, in lists of all projects.
    """

    items: collections.abc.Sequence[Body]
    next_marker: str | None
    next_project: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """What was created or changed: its id, the version it has now, its bare
    entity tag.
    """

    id: str
    version: int
    etag: str


def new_id() -> str:
    """An id that nothing has yet."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether a text can be the id of anything."""
    return documents.ID.match(text) is not None


def existing(kind: str, id: str) -> None:
    """Raise ``NotFound`` for an id of a path that nothing can have."""
    if not is_id(id):
        raise exceptions.NotFound(kind, id[:64])


def shown(document: Document, caller: Caller) -> Shown:
    """A document as the caller may see it."""
    return Shown(_body(document, caller), document.etag)


def shown_page(
    page: base.Page, caller: Caller, everywhere: bool = False
) -> ShownPage:
    """A page as the caller may see it; ``everywhere``: of the documents of all
    projects.
    """
    items: collections.abc.Sequence[Body]
    if documents.Packed in map(type, page.documents):
        items = _Bodies(page.documents, caller)
    else:
        items = [_body(document, caller) for document in page.documents]
    if not page.more or not items:
        return ShownPage(items, None)
    last = page.documents[-1]
    return ShownPage(items, last.id, last.project_id if everywhere else None)


def found(
    kind: str, id: str, current: State | None, precondition: Precondition
) -> State:
    """The stored state of what a write is about, if it is as the precondition
    says; ``NotFound`` if there is none.
    """
    precondition.check(current)
    if current is None:
        raise exceptions.NotFound(kind, id)
    return current


def stored(
    storage: base.Storage, scope: Scope, kind: str, id: str
) -> Document | None:
    """The document that a scope has under an id, None if there is none."""
    try:
        return storage.get(scope, kind, id)
    except exceptions.NotFound:
        return None


def check_size(storage: base.Storage, value: typing.Any, place: str) -> None:
    """Raise ``InvalidInput`` for what no new document can hold; asked before
    anything is made of it.
    """
    if documents.size(value) > storage.max_document_size:
        raise _too_large(place, storage.max_document_size)


def check_growth(
    storage: base.Storage,
    scope: Scope,
    kind: str,
    id: str,
    value: typing.Any,
    place: str,
) -> None:
    """Raise ``InvalidInput`` for what the document under an id can't come to
    hold, like :func:`check_size`.

    One that is larger than a document may be already may have a value as large
    as itself.
    """
    size = documents.size(value)
    if size <= storage.max_document_size:
        return
    old = stored(storage, scope, kind, id)
    if old is None or size > documents.size(old.body):
        raise _too_large(place, storage.max_document_size)


def sized(
    storage: base.Storage,
    kind: str,
    body: Body,
    place: str,
    old: Body | None = None,
    size: collections.abc.Callable[[Body], int] = documents.size,
) -> Body:
    """The body of a document to store, or ``InvalidInput`` if it is more than
    a document may be.

    ``size`` tells its bytes of JSON. One that was more before (``old``) may
    stay so, and not grow.
    """
    most, now = storage.max_document_size, size(body)
    if now > most and (old is None or now > size(old)):
        raise _too_large(place, most)
    # A value takes two bytes at least.
    many = search.MAX_VALUES
    if now > 2 * many and search.count(kind, body, many) > many:
        before = many if old is None else max(many, search.count(kind, old))
        if search.count(kind, body, before) > before:
            raise exceptions.InvalidInput(
                f'{place}: makes a document of more than {many} searchable'
                ' values.',
                'document.too-many-values',
            )
    return body


def written(document: Document) -> Written:
    """What became of a document."""
    return Written(document.id, document.version, document.etag)


def _too_large(place: str, most: int) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(
        f'{place}: makes a document of more than {most} bytes.',
        'document.too-large',
    )


class _Bodies(collections.abc.Sequence[Body]):
    """Documents as a caller may see them, each made when it is looked at."""

    def __init__(
        self, found: collections.abc.Sequence[Document], caller: Caller
    ):
        self._found = found
        self._caller = caller

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, index: typing.Any) -> typing.Any:
        if isinstance(index, slice):
            return _Bodies(self._found[index], self._caller)
        return _body(self._found[index], self._caller)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, collections.abc.Sequence) and [*self] == [
            *other
        ]


def _body(document: Document, caller: Caller) -> Body:
    body = document.body
    if document.kind == documents.JOBS:
        body = jobs.shown(body, caller.project_id, caller.all_projects)
    return (
        {**body, '_version': document.version}
        if document.kind in documents.VERSIONED
        else body
    )
