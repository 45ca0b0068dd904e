"""What every use case knows of its caller, the shapes in which it answers, and
how it looks up documents.
"""

import collections.abc
import dataclasses
import typing
import uuid

import orjson

from freezer_api import exceptions
from freezer_api.db import base
from freezer_api.db.base import Change, Delete, Scope
from freezer_api.domain import documents, jobs, search_query
from freezer_api.domain.documents import Body, Document, HasEtag, Precondition

#: The longest id of a project or a user, in characters.
MAX_NAME = 255
#: A document as orjson puts it into an answer: a body, or JSON.
Content: typing.TypeAlias = Body | orjson.Fragment
State = typing.TypeVar('State', bound=HasEtag)
Value = typing.TypeVar('Value')


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and the project of the request's path. The caller's rights in
    that project have been enforced already.

    ``all_projects``: the caller may list the jobs of every project; so process
    ids of agents of other projects are shown to it. ``roles`` and ``token``
    are what trusts are made with.
    """

    project_id: str
    user_id: str
    all_projects: bool = False
    roles: frozenset[str] = frozenset()
    # Not in the text of the object: a log must never have a token.
    token: str = dataclasses.field(default='', repr=False)

    def __post_init__(self) -> None:
        # Stores keep no more of either.
        for key in ('project_id', 'user_id'):
            if len(getattr(self, key)) > MAX_NAME:
                raise exceptions.InvalidInput(
                    f'{key}: is longer than {MAX_NAME} characters.'
                )

    @property
    def scope(self) -> Scope:
        """Return the scope of the caller's project alone."""
        return Scope(self.project_id)


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """A document as the caller may see it, for an answer in JSON, and its
    entity tag without quotes.
    """

    content: Content
    etag: str

    @property
    def body(self) -> Body:
        """Return the document, parsed if it came as JSON."""
        return _parsed(self.content)


@dataclasses.dataclass(frozen=True, slots=True)
class ShownPage:
    """The documents of a page, for an answer in JSON, and the marker of the
    next page (None: this is the last one).

    ``next_project`` is the project of the marker's document, in lists of all
    projects.
    """

    contents: collections.abc.Sequence[Content]
    next_marker: str | None
    next_project: str | None = None

    @property
    def items(self) -> list[Body]:
        """Return the documents, parsed where they came as JSON."""
        return [_parsed(content) for content in self.contents]


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """A document that was created or changed: its id, its version, and its
    entity tag without quotes.
    """

    id: str
    version: int
    etag: str


class Last(typing.Generic[Value]):
    """What the last call of a change has noted; None before the first call.

    The storage may call a change again, on a newer state. Only the last call
    took effect; so each call overwrites what the one before has noted. What
    stands here counts once the storage has returned, and not before.
    """

    def __init__(self) -> None:
        self.value: Value | None = None


def delete_if(
    check: collections.abc.Callable[[Document | None], object],
) -> Change:
    """Return a change that deletes a document, unless ``check`` raises; it
    answers the document that was there, None if there was none.
    """

    def delete(current: Document | None, now: int) -> Delete:
        """Delete what is there."""
        check(current)
        return Delete(current)

    return delete


def new_id() -> str:
    """Return an id that no document has."""
    return uuid.uuid4().hex


def check_id(kind: str, id: str) -> None:
    """Raise ``NotFound`` for a text that can't be the id of a document."""
    if not documents.is_id(kind, id):
        raise exceptions.NotFound(kind, id[:64])


def require(
    kind: str, id: str, current: State | None, precondition: Precondition
) -> State:
    """Return the stored state that a write is about.

    ``PreconditionFailed`` if the state isn't what the precondition demands;
    ``NotFound`` if there is none.
    """
    # The precondition comes first: If-Match on a missing document is 412.
    precondition.check(current)
    if current is None:
        raise exceptions.NotFound(kind, id)
    return current


def get_or_none(
    storage: base.Storage, scope: Scope, kind: str, id: str
) -> Document | None:
    """Return the document that a scope has under an id, None without one."""
    try:
        return storage.get(scope, kind, id)
    except exceptions.NotFound:
        return None


def pages(
    storage: base.Storage,
    scope: Scope,
    kind: str,
    query: search_query.Query,
) -> collections.abc.Iterator[tuple[Document, ...]]:
    """Yield the documents that a query finds, page by page; each page is
    searched for when it is asked for.
    """
    while True:
        page = storage.find(scope, kind, query)
        yield page.documents
        if not page.more:
            return
        query = dataclasses.replace(query, marker=page.documents[-1].id)


def shown(document: Document, caller: Caller) -> Shown:
    """Return a document as the caller may see it."""
    return Shown(_content(document, caller), document.etag)


def shown_page(
    page: base.Page, caller: Caller, everywhere: bool = False
) -> ShownPage:
    """Return a page as the caller may see it.

    ``everywhere``: the page is one of the documents of all projects.
    """
    contents: collections.abc.Sequence[Content]
    # Packed documents are those of a large page. To unpack all of them at once
    # would take many times the memory of their JSON.
    if any(type(each) is documents.Packed for each in page.documents):
        contents = _VisibleBodies(page.documents, caller)
    else:
        contents = [_content(each, caller) for each in page.documents]
    if not page.more or not contents:
        return ShownPage(contents, None)
    last = page.documents[-1]
    if everywhere:
        return ShownPage(contents, last.id, last.project_id)
    return ShownPage(contents, last.id)


def written(document: Document) -> Written:
    """Return what the caller is told of a document that was written."""
    return Written(document.id, document.version, document.etag)


class _VisibleBodies(collections.abc.Sequence[Body]):
    """The documents of a page as a caller may see them. Each body is made when
    it is looked at, so that one of them exists at a time.
    """

    def __init__(
        self, found: collections.abc.Sequence[Document], caller: Caller
    ):
        self._found = found
        self._caller = caller

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, index: typing.Any) -> typing.Any:
        if isinstance(index, slice):
            return _VisibleBodies(self._found[index], self._caller)
        return _visible_body(self._found[index], self._caller)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, collections.abc.Sequence):
            return False
        return list(self) == list(other)


def _content(document: Document, caller: Caller) -> Content:
    # The stores render only what all callers see alike.
    if isinstance(document, documents.Rendered):
        return document.fragment
    return _visible_body(document, caller)


def _parsed(content: Content) -> Body:
    if isinstance(content, orjson.Fragment):
        parsed: Body = orjson.loads(orjson.dumps(content))
        return parsed
    return content


def _visible_body(document: Document, caller: Caller) -> Body:
    body = document.body
    if document.kind == documents.JOBS:
        body = jobs.shown(body, caller.project_id, caller.all_projects)
    # Clients and backups show their version in the entity tag alone.
    if document.kind in documents.VERSIONED:
        return documents.with_version(body, document.version)
    return body
