"""What a store keeps, as it is told to another store or held against others."""

import dataclasses
import typing

import orjson

from freezer_api.domain import session_state
from freezer_api.domain.documents import Document

#: What is copied beside the kinds of documents, and after them: the records of
#: earlier runs.
RUNS = 'runs'
#: Where an entry stands in its store: for that store alone to understand.
Place = tuple[int | str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What a store keeps under one id, as it is, to be put into another one.

    ``kind`` is one of the documents, where ``content`` is the document (of
    sessions: the session with its members), or :data:`RUNS`: ``id`` is the
    session's then and ``content`` the record of an earlier run. ``place`` is
    no part of what is kept.
    """

    kind: str
    project_id: str
    id: str
    content: Document | session_state.Session | session_state.Record
    place: Place = dataclasses.field(default=(), compare=False)

    @property
    def key(self) -> tuple[str, ...]:
        """What no two entries of a kind have in common: project and id, of a
        record the tag as well.
        """
        tag = (
            (str(self.content.tag),)
            if isinstance(self.content, session_state.Record)
            else ()
        )
        return self.project_id, self.id, *tag

    def dump(self) -> bytes:
        """All that is kept, as bytes that are the same in every store: what is
        shown of it is to be the same to the byte.
        """
        content = self.content
        if isinstance(content, session_state.Record):
            values: list[typing.Any] = [content]
        elif isinstance(content, session_state.Session):
            members = sorted(
                (id, dataclasses.astuple(member))
                for id, member in content.members.items()
            )
            values = [
                content.version,
                content.created,
                content.dump(),
                members,
            ]
        else:
            values = [content.version, content.created, content.body]
        return orjson.dumps([self.kind, self.project_id, self.id, *values])
