"""Whether a document is found by a clause, as Elasticsearch would find it once
it has indexed the document: for documents that are other than the index says.
"""

import operator
import typing

from freezer_api.db.elasticsearch.search.clauses import Clause
from freezer_api.domain.documents import Body

_COMPARE = {
    'lt': operator.lt,
    'lte': operator.le,
    'gt': operator.gt,
    'gte': operator.ge,
}


def is_found(clause: Clause, source: Body) -> bool:
    """Tell whether a clause finds what is written of a document."""
    ((kind, asked),) = clause.items()
    if kind == 'match_all':
        return True
    if kind == 'bool':
        return _is_found_by_all(asked, source)
    ((field, wanted),) = asked.items()
    values = _values(source.get(field))
    if kind == 'term':
        return wanted in values
    if kind == 'terms':
        return any(value in wanted for value in values)
    if kind == 'range':
        return any(_is_within(value, wanted) for value in values)
    if kind == 'match_phrase':
        phrase = f' {wanted} '
        return any(phrase in f' {value} ' for value in values)
    raise NotImplementedError(kind)


def _is_found_by_all(asked: dict[str, typing.Any], source: Body) -> bool:
    """Tell whether a combination of clauses finds a document."""
    for clause in asked.get('filter', ()):
        if not is_found(clause, source):
            return False
    for clause in asked.get('must_not', ()):
        if is_found(clause, source):
            return False
    if 'should' not in asked:
        return True
    return any(is_found(clause, source) for clause in asked['should'])


def _values(value: typing.Any) -> list[typing.Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _is_within(value: typing.Any, bounds: dict[str, typing.Any]) -> bool:
    for name, bound in bounds.items():
        compare = _COMPARE[name]
        if not compare(value, bound):
            return False
    return True
