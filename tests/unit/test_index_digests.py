"""What fixed documents offer to the index: the same, as long as the version of the index is."""

import hashlib
import json
import pathlib
import typing

import orjson
import testtools

from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.indices import mappings
from freezer_api.db.scopes import indexed_scopes
from freezer_api.db.sqlalchemy import migration
from freezer_api.db.sqlalchemy.documents import rows
from freezer_api.db.sqlalchemy.search import terms
from freezer_api.domain import documents, search_pairs
from freezer_api.domain.session_state import Member, Session

FOLDER = pathlib.Path(__file__).parent
#: Of what is derived of ``index_documents.json``, by the schema and the version of the index.
#: A line is never changed, but for one that no release has had.
SQL = {
    ('0003', 1): 'b3ac0250a5b9517d3539dfc7bfe7c5fe',
    ('0006', 1): '58bb45882de929ba4422ff3aba899abf',
}
ELASTICSEARCH = {
    (1, 1): 'a58c4ef68c235b004cce80a40ba2dcfe',
    (2, 1): '1b94f9afa4a2cc4e8aa306b6113b7280',
}
CHANGED = """
What documents offer to the index of {store} is not what it was. New revision: raise INDEX_VERSION
in freezer_api/domain/search_pairs.py, write a release note that operators run freezer-manage db
reindex, and add {line} beside the digests of the versions before. What needs other columns or
mappings needs a new revision of the schema as well. If nothing should be found otherwise, then this
is a mistake.
"""

Given = dict[str, typing.Any]


def shown(given: Given) -> tuple[documents.Body, dict[str, typing.Any]]:
    """A document as it is indexed, and the columns of its row that are derived of it."""
    kind, id, body = given['kind'], given['id'], given['body']
    if kind != documents.SESSIONS:
        return body, {'claim': documents.claim(kind, id, body), **rows.extras(kind, body)}
    session = loaded(given)
    return session.body(), {'claim': None, 'settle_at': session.settle_at}


def loaded(given: Given) -> Session:
    """The session that a document is."""
    members = {id: Member(*fields) for id, fields in given.get('members', {}).items()}
    return Session.load(given['project'], given['id'], given['body'], members, 1, 1)


def of_sql(given: Given) -> typing.Any:
    """What a database keeps beside a document."""
    body, columns = shown(given)
    scopes = indexed_scopes(given['kind'], given['project'], columns['claim'])
    index, text = terms.index(given['kind'], scopes, body)
    return [sorted(index.terms), terms.text_scopes(scopes), text.hex(), columns]


def of_elasticsearch(given: Given) -> typing.Any:
    """The fields by which Elasticsearch finds a document."""
    state = {'version': 1, 'created': 1, 'body': given['body'], 'members': given.get('members', {})}
    value = codec.Value(given['kind'], given['project'], given['id'], 1, state)
    return codec.indexed(value)


class TestDigests(testtools.TestCase):
    """Of one version, in every release."""

    def setUp(self):
        super().setUp()
        self.given = json.loads((FOLDER / 'index_documents.json').read_text())

    def test_every_kind_has_a_document(self):
        self.assertEqual(set(documents.KINDS), {one['kind'] for one in self.given})

    def test_sql_index_changes_only_with_its_version(self):
        self.check('databases', SQL, migration.head(), of_sql)

    def test_elasticsearch_index_changes_only_with_its_version(self):
        self.check('Elasticsearch', ELASTICSEARCH, mappings.VERSION, of_elasticsearch)

    def check(
        self,
        store: str,
        known: dict[typing.Any, str],
        schema: typing.Any,
        derive: typing.Callable[[Given], typing.Any],
    ) -> None:
        """Compare with the digest of this version, or of the last one before it."""
        derived = orjson.dumps([derive(one) for one in self.given], option=orjson.OPT_SORT_KEYS)
        digest = hashlib.blake2b(derived, digest_size=16).hexdigest()
        now = (schema, search_pairs.INDEX_VERSION)
        expected = known[max(key for key in known if key <= now)]
        line = f'{now!r}: {digest!r}'
        self.assertEqual(expected, digest, CHANGED.format(store=store, line=line))
        indices = [version for _schema, version in known]
        self.assertIn(search_pairs.INDEX_VERSION, indices, f'{store}: add {line}')
