"""Sessions in the form in which callers see them, kept beside what is stored:
the column ``shown``.

Most sessions are read far more often than they change, so whoever changes one
also writes what will be shown of it. To read it takes one row and no parsing:
neither the database nor this process puts members together.

A text begins with words that tell of which state it is::

    <format> <version> <settle_at, -1: none> <created> <id> <JSON>

One that isn't of the row's own version is ignored: a release that doesn't know
the column leaves it as it was when it changes a session. So is one of another
format.
"""

import typing

import orjson

from freezer_api.domain import documents
from freezer_api.domain.documents import Body, Rendered
from freezer_api.domain.session_state import Session

#: What the JSON is like: what is shown of a session in releases that have the
#: same number. To change what is shown takes another one.
FORMAT = '1'
#: Characters of a text. It is written at each change, so one that grows with
#: the members would make a run of many jobs cost their square. A hundred
#: members have room.
LONGEST = 16_384
#: Bytes of its JSON: a page of 1,000 is within what a response may have.
LARGEST = 32_768
#: A member takes more characters than this, so as many can't be kept.
_SHORTEST_MEMBER = 80
_NEVER = -1


class Text(typing.NamedTuple):
    """What a text says."""

    document: Rendered
    #: The timestamp after which the run has lapsed, -1 if it doesn't by time.
    settle_at: int

    def due(self, now: int) -> bool:
        """Tell whether the run has lapsed, so that the session has to be
        settled before it is shown.
        """
        return _NEVER < self.settle_at < now


def dump(session: Session, shown: Body | None = None) -> str | None:
    """Return the text of a session; None if it would be too long, or if its
    id, which an import may have kept, isn't one word. ``shown`` is its body,
    if the caller has that.
    """
    if len(session.members) * _SHORTEST_MEMBER > LONGEST:
        return None
    if documents.ID.match(session.session_id) is None:
        return None
    settle_at = session.settle_at
    body = session.body() if shown is None else shown
    json = orjson.dumps(documents.with_version(body, session.version))
    if len(json) > LARGEST:
        return None
    words = (
        FORMAT,
        str(session.version),
        str(_NEVER if settle_at is None else settle_at),
        str(session.created),
        session.session_id,
        json.decode(),
    )
    text = ' '.join(words)
    return text if len(text) <= LONGEST else None


def load(project_id: str, version: int | str, text: str | None) -> Text | None:
    """Return what a text says of the version of a session, None if that is
    nothing.
    """
    if text is None:
        return None
    words = text.split(' ', 5)
    if len(words) < 6:
        return None
    form, its_version, settle_at, created, id, json = words
    if form != FORMAT or its_version != str(version):
        return None
    document = Rendered(
        documents.SESSIONS,
        project_id,
        id,
        int(its_version),
        int(created),
        json,
    )
    return Text(document, int(settle_at))
