"""What every use case is told about its caller, and the shapes in which it answers."""

import dataclasses

from freezer_api.db.base import Scope
from freezer_api.domain.documents import Body


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and in which project: the one of the path, whose members' rights have been enforced before."""

    project_id: str
    user_id: str

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
    """Documents of a page, and the marker under which the next page begins (None: there is none)."""

    items: list[Body]
    next_marker: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """What was created or changed: its id, the version it has now, its bare entity tag."""

    id: str
    version: int
    etag: str
