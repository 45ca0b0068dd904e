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
MAX_LENGTH = 16_384
#: Bytes of its JSON: a page of 1,000 is within what a response may have.
MAX_BYTES = 32_768
#: A member takes more characters than this, so as many can't be kept.
_SHORTEST_MEMBER = 80
_NEVER = '-1'
#: Words behind the version of a row.
_WORDS = 7


def dump(session: Session, shown: Body | None = None) -> str | None:
    """Return the text of a session; None if it would be too long, or if its
    id, which an import may have kept, isn't one word. ``shown`` is its body,
    if the caller has that.
    """
    if len(session.members) * _SHORTEST_MEMBER > MAX_LENGTH:
        return None
    if documents.ID.match(session.session_id) is None:
        return None
    settle_at = session.settle_at
    body = session.body() if shown is None else shown
    json = orjson.dumps(documents.with_version(body, session.version))
    if len(json) > MAX_BYTES:
        return None
    words = (
        FORMAT,
        str(session.version),
        _NEVER if settle_at is None else str(settle_at),
        str(session.created),
        session.session_id,
        json.decode(),
    )
    text = ' '.join(words)
    return text if len(text) <= MAX_LENGTH else None


def load(project_id: str, text: str | None, now: int) -> Rendered | None:
    """Return the document that is kept of a session; None if that has to be
    made anew: of another version, or of a run that has lapsed at ``now``.

    ``text`` has the version of the row, a space and what is kept; None:
    nothing is.
    """
    if text is None:
        return None
    # A page has a thousand of them: each step here counts.
    words = text.split(' ', _WORDS - 1)
    if len(words) < _WORDS:
        return None
    version, form, its_version, settle_at, created, id, json = words
    if form != FORMAT or its_version != version:
        return None
    if settle_at != _NEVER and int(settle_at) < now:
        return None
    return Rendered(
        documents.SESSIONS,
        project_id,
        id,
        int(version),
        int(created),
        json,
    )
