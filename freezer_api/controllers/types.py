"""The WSME types of what endpoints take and give."""

import re
import typing

import wsme.types

from freezer_api import exceptions
from freezer_api.domain import documents, sessions
from freezer_api.middleware import errors

text = wsme.types.text


class Json(wsme.types.UserType):
    """A JSON object of a name. Its fields are the schemas' business: documents
    are free-form in part.
    """

    basetype = dict

    def __init__(self, name: str):
        self.name = name


class Id(wsme.types.UserType):
    """An id in a path; one that no document can have is a path that isn't
    there.
    """

    basetype = str
    name = 'id'

    def frombasetype(self, value: str) -> str:
        """The id, or ``UnknownPath``."""
        if not documents.ID.match(value):
            raise errors.UnknownPath()
        return value


class Tag(wsme.types.UserType):
    """The tag of a run, in a path."""

    basetype = int
    name = 'tag'

    def frombasetype(self, value: str) -> int:
        """The tag, or ``UnknownPath``."""
        if (
            not re.fullmatch(r'[0-9]{1,10}', value)
            or int(value) > sessions.MAX_TAG
        ):
            raise errors.UnknownPath()
        return int(value)


ID = Id()
TAG = Tag()
#: The types of a list's parameters: limit, offset, marker, sort, search.
LIST: tuple[typing.Any, ...] = (text,) * 5


def flag(name: str, value: str | None, code: str | None = None) -> bool:
    """What a parameter says that is True or False, in any case; one that isn't
    given is False.
    """
    if value is None or value.lower() == 'false':
        return False
    if value.lower() != 'true':
        raise exceptions.InvalidInput(f'{name}: must be True or False.', code)
    return True
