"""Random documents and searches: page by page, a driver answers what ``search.matches`` says, in
order.
"""

import collections.abc
import dataclasses
import string
import typing
import unicodedata

import hypothesis
import orjson
from hypothesis import strategies

from freezer_api.db.base import Scope
from freezer_api.domain import search, search_pairs, search_query
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    JOBS,
    SESSIONS,
    Body,
)
from freezer_api.tests.contract import base, bodies

NFC, NFD = unicodedata.normalize('NFC', 'é'), unicodedata.normalize('NFD', 'é')
NOW = 1_700_000_000
LONG = 'x' * 997 + 'aßé' + 'y' * 40_000
# Few keys and values, so that they meet; among them what careless comparisons confuse, and what
# folds to other lengths.
KEYS = strategies.sampled_from(
    ['a', 'A', 'a ', 'b', 'c', 'a.b', NFC, NFD, '', ' ', 'ß', 'ss', '😀', '$', '_all', 'k' * 5000]
)
TEXTS = strategies.sampled_from(
    [
        '',
        ' ',
        'a',
        'A',
        'a ',
        'b',
        NFC,
        NFD,
        NFC.upper(),
        'ß',
        'SS',
        'ẞ',
        'ﬁ',
        'FI',
        'ſ',
        'ŉ',
        'ΐ',
        'Σς',
        '1',
        'true',
        'null',
        '%',
        '_',
        '\\',
        "'",
        'ab',
        'İ',
        'i\u0307',
        'ı',
        '😀',
        '𐐀',
        '𐐨',
        '\u200b',
        LONG,
        LONG[:1000],
        'é' * 1001,
    ]
)
LOOSE = strategies.text(
    strategies.characters(exclude_categories=('Cs',), exclude_characters='\0'), max_size=6
)
NUMBERS = strategies.sampled_from(
    [
        0,
        1,
        -1,
        2,
        0.0,
        1.0,
        -0.0,
        0.5,
        2**53,
        float(2**53),
        2**53 + 1,
        1e300,
        2**63 - 1,
        -(2**63),
        2.0**63,
        5e-324,
        NOW,
        NOW + 0.5,
    ]
)
SCALARS = TEXTS | NUMBERS | strategies.booleans() | strategies.none() | LOOSE
VALUES = strategies.recursive(
    SCALARS,
    lambda inner: (
        strategies.lists(inner, max_size=3) | strategies.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)
BODIES = strategies.dictionaries(KEYS, VALUES, max_size=4)
STAMPS = strategies.sampled_from(
    [NOW, NOW + 0.25, NOW + 1, -1, 0, 2**63 - 1, 1e300, 'now', None, True]
)


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    """Documents of a kind, with a random part each; and searches, each with the way in which it is
    paged through.
    """

    kind: str
    documents: dict[str, Body]
    searches: list[tuple[Body, dict[str, typing.Any]]]


def placed(kind: str, id: str, random: Body, stamp: typing.Any = None) -> Body:
    """The document of a kind that has something random in it; what a session is made of."""
    if kind == SESSIONS:
        return {'schedule': random, 'description': f'of {len(random)}'}
    if kind == JOBS:
        status = 'completed' if stamp == 0 else ''
        return bodies.job_body(
            id, 'p', schedule={'status': status}, job_actions=[bodies.entry('x', random)]
        )
    if kind == CLIENTS:
        return bodies.client_body(id, 'p', **{**random, 'is_central': False})
    return random if kind == ACTIONS else bodies.backup_body(id, 'p', **random, time_stamp=stamp)


def scalars(
    value: typing.Any, key: str | None = None
) -> collections.abc.Iterator[tuple[str, typing.Any]]:
    """The keys of a document with the scalars anywhere below them, whether or not they count."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from scalars(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from scalars(inner, key)
    elif key is not None:
        yield key, value


@strategies.composite
def scenarios(draw: typing.Any) -> Scenario:
    """Some documents, and searches that are made of what is in them and of things alike."""
    kind = draw(strategies.sampled_from([ACTIONS, ACTIONS, BACKUPS, JOBS, CLIENTS, SESSIONS]))
    randoms = draw(strategies.lists(strategies.tuples(BODIES, STAMPS), min_size=1, max_size=7))
    bodies = {id: placed(kind, id, *random) for id, random in zip(string.ascii_lowercase, randoms)}
    present = [pair for body in bodies.values() for pair in scalars(body)]
    conditions = strategies.tuples(KEYS, SCALARS)
    conditions = strategies.sampled_from(present) | conditions if present else conditions
    fields = conditions.map(lambda pair: {'a' if pair[0] == '_all' else pair[0]: pair[1]})
    entries = (
        fields
        | fields.map(lambda field: {'_all': orjson.dumps([field]).decode()})
        | _needles(bodies).map(lambda text: {'_all': text})
    )
    some = strategies.lists(entries, max_size=2)
    bounds = strategies.fixed_dictionaries(
        {},
        optional={
            name: STAMPS.filter(lambda stamp: type(stamp) in (int, float)) for name in search.BOUNDS
        },
    )
    asked = strategies.builds(
        lambda match, match_not, within: {'match': match, 'match_not': match_not, **within},
        some,
        some,
        bounds if kind == BACKUPS else strategies.just({}),
    )
    pages = strategies.fixed_dictionaries(
        {
            'limit': strategies.integers(1, 4),
            'descending': strategies.booleans(),
            'by_offset': strategies.booleans(),
            'behind': strategies.none() | strategies.sampled_from(sorted(bodies)),
        }
    )
    return Scenario(
        kind,
        bodies,
        draw(strategies.lists(strategies.tuples(asked, pages), min_size=4, max_size=6)),
    )


def _needles(bodies: dict[str, Body]) -> strategies.SearchStrategy[str]:
    """Texts to look for anywhere, among them parts of what is there, in another case."""
    strings = [text[:1020] for text in base.texts(list(bodies.values()))]
    needles = TEXTS | LOOSE
    if strings:
        parts = strategies.tuples(
            strategies.sampled_from(strings),
            strategies.integers(0, 1005),
            strategies.integers(1, 6),
        )
        needles |= parts.map(
            lambda part: part[0][part[1] % max(1, len(part[0])) :][: part[2]].swapcase()
        )
    return needles.map(lambda text: text[: search.MAX_NEEDLE])


class RandomSearches:
    @hypothesis.given(scenarios())
    def test_a_driver_answers_what_matches_says(self, scenario):
        project = self.in_project(bodies.new_id())
        first = next(iter(scenario.documents.values()))
        for id, body in scenario.documents.items():
            # Written twice, for what a change leaves in an index counts too.
            for given in (first, body):
                (
                    project.put_session(id, **given)
                    if scenario.kind == SESSIONS
                    else project.put(scenario.kind, id, given)
                )
        stored = {id: project.get(scenario.kind, id).body for id in scenario.documents}
        for asked, page in scenario.searches:
            query = search.parse(
                asked,
                scenario.kind,
                limit=page['limit'],
                descending=page['descending'],
                marker=page['behind'],
            )
            order = sorted(stored, reverse=query.descending)
            behind = order[order.index(query.marker) + 1 :] if query.marker else order
            expected = [
                id for id in behind if search_query.matches(query, scenario.kind, stored[id])
            ]
            self.assertEqual(
                expected,
                list(self._walk(project.scope, scenario.kind, query, page['by_offset'])),
                query,
            )
        if scenario.kind == JOBS:
            self._everywhere(project, stored, scenario.searches)

    def _walk(self, scope, kind, query, by_offset):
        """The ids of all pages, behind the marker of the first or counted from there."""
        while True:
            page = self.storage.find(scope, kind, query)
            yield from (document.id for document in page.documents)
            self.assertLessEqual(len(page.documents), query.limit)
            if not page.more:
                return
            self.assertEqual(query.limit, len(page.documents))
            where = (
                {'offset': query.offset + query.limit}
                if by_offset
                else {'marker': page.documents[-1].id}
            )
            query = dataclasses.replace(query, **where)

    def _everywhere(self, project, stored, searches):
        """The same among the jobs of all projects; a key of this example's own keeps those of
        others out.
        """
        for id, body in stored.items():
            project.put_job(id, {**body, 'description': project.project_id})
        scope = Scope(project.project_id, everywhere=True)
        for asked, page in searches:
            asked = {**asked, 'match': [*asked['match'], {'description': project.project_id}]}
            query = search.parse(asked, JOBS, limit=page['limit'], descending=page['descending'])
            expected = [
                document.id
                for document in project.page(JOBS, descending=query.descending).documents
                if search_query.matches(query, JOBS, document.body)
            ]
            self.assertEqual(
                expected, list(self._walk(scope, JOBS, query, page['by_offset'])), query
            )

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(strategies.booleans(), strategies.booleans(), TEXTS),
            min_size=1,
            max_size=8,
        ),
        strategies.frozensets(
            strategies.tuples(strategies.just('description'), TEXTS.map(search_pairs.canonical)),
            max_size=1,
        ),
        strategies.frozensets(TEXTS.map(lambda text: text[:256].casefold()), max_size=1),
        strategies.booleans(),
        strategies.integers(0, 3),
    )
    def test_own_and_central_clients_are_found_as_matches_says(
        self, clients, pairs, texts, descending, offset
    ):
        own, other = self.in_project(bodies.new_id()), self.in_project(bodies.new_id())
        # A hostname of this example's own keeps the central clients of other examples out.
        mark = ('hostname', search_pairs.canonical(own.project_id))
        visible = []
        for mine, central, text in clients:
            id = bodies.new_id()
            document = (own if mine else other).put_client(
                id, central, hostname=own.project_id, description=text
            )
            visible += [document] if mine or central else []
        query = search_query.Query(
            pairs | {mark},
            frozenset(),
            texts,
            frozenset(),
            limit=1000,
            descending=descending,
            offset=offset,
        )
        expected = [
            document for document in visible if search_query.matches(query, CLIENTS, document.body)
        ]
        found = self.storage.find(Scope(own.project_id, central=True), CLIENTS, query).documents
        self.assertEqual((expected[::-1] if descending else expected)[offset:], list(found))
