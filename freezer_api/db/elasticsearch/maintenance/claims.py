"""Claims, as they are kept beside documents, compared with the documents: who
has one, and who should.
"""

import collections.abc
import functools
import logging

from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.attempt import Attempt
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits.committing import Committer
from freezer_api.db.elasticsearch.commits.lines import Found
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.transactions import Transactions
from freezer_api.domain import documents

LOG = logging.getLogger(__name__)
#: How often two documents are read of which somebody changes one again and
#: again, before nothing is said of them.
ATTEMPTS = 5


def expected_claim(value: Value) -> Value | None:
    """Return the claim that a document should have, None if it needs none."""
    # Sessions need none, nor do the driver's own kinds.
    kind = value.kind
    if kind not in documents.KINDS or kind == documents.SESSIONS:
        return None
    body = value.state['body']
    claim = documents.claim(kind, value.id, body)
    if claim is None:
        return None
    return codec.claim_value(value.kind, value.project_id, value.id)


def holder_key(claim: Value) -> Key:
    """Return where the document is that a claim belongs to."""
    kind, _, id = claim.id.partition('/')
    return codec.key(kind, claim.project_id, id)


def holds_steadily(
    committer: Committer,
    key: Key,
    other: Key,
    condition: collections.abc.Callable[[Value | None, Value | None], bool],
) -> bool:
    """Tell whether a condition holds for two documents at one time.

    They can't be read at once: so the first one is read before and after the
    other, and has to be the same. False if it changes all the time.
    """
    attempts = Retries('Comparing %s %s with %s %s', *key, *other, warns=False)
    for _ in range(ATTEMPTS):
        before = _read(committer, key)
        beside = _read(committer, other)
        if not condition(before.value, beside.value):
            return False
        after = _read(committer, key)
        if (before.point, before.value) == (after.point, after.value):
            return True
        attempts.wait('the first one was changed meanwhile')
    return False


def _read(committer: Committer, key: Key) -> Found:
    read = committer.read((key,))
    return read[key]


def is_stale(committer: Committer, claim: Value) -> bool:
    """Tell whether a claim is there that its document doesn't have."""
    return holds_steadily(committer, claim.key, holder_key(claim), _is_stale)


def is_missing(committer: Committer, value: Value) -> bool:
    """Tell whether a document should have a claim that isn't there."""
    claim = expected_claim(value)
    if claim is None:
        return False
    return holds_steadily(committer, value.key, claim.key, _is_missing)


def remove(transactions: Transactions, claim: Value) -> bool:
    """Remove a claim that its document doesn't have; return whether it was
    still so.
    """
    remove_it = functools.partial(_remove, claim=claim)
    removed = transactions.run(claim.key, remove_it)
    if removed:
        LOG.error(
            'Claim %s of project %s belonged to no document; removed.',
            claim.id,
            claim.project_id,
        )
    return removed


def _remove(attempt: Attempt, claim: Value) -> bool:
    holder = holder_key(claim)
    stored = attempt.get(claim.key)
    if stored is None or holder_key(stored) != holder:
        return False
    document = attempt.get(holder)
    if not _is_stale(stored, document):
        return False
    # The document must not take the claim before it is removed.
    attempt.guard((holder,))
    attempt.drop(claim.key)
    return True


def add(transactions: Transactions, value: Value) -> bool:
    """Give a document the claim that it should have; False if another document
    has it, or none is needed any more.
    """
    add_it = functools.partial(_add, key=value.key)
    return transactions.run(value.key, add_it)


def _add(attempt: Attempt, key: Key) -> bool:
    stored = attempt.get(key)
    claim = expected_claim(stored) if stored else None
    if claim is None or attempt.get(claim.key) is not None:
        return False
    attempt.put(claim)
    return True


def _is_stale(claim: Value | None, document: Value | None) -> bool:
    if claim is None:
        return False
    return document is None or expected_claim(document) is None


def _is_missing(document: Value | None, claim: Value | None) -> bool:
    expected = expected_claim(document) if document else None
    if expected is None:
        return False
    return claim is None or claim.project_id != expected.project_id
