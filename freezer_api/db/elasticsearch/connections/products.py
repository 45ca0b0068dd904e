"""What differs between Elasticsearch and OpenSearch, which came of it."""

import abc
import collections.abc
import typing

from freezer_api import exceptions

_Json = dict[str, typing.Any]
#: The header by which Elasticsearch says what it is.
_HEADER = 'x-elastic-product'
#: The API of version 8 of Elasticsearch, which servers of versions 8 and 9
#: speak.
_TYPE = 'application/vnd.elasticsearch+%s; compatible-with=8'
#: Statuses of a server that doesn't know that API.
_UNKNOWN_TYPE = frozenset((406, 415))
#: What follows the name of an index in the alias that is written to.
_WRITES = '_writes'


class Product(abc.ABC):
    """A kind of servers."""

    #: As logs and operators' commands name it.
    name: str
    #: The group of its options.
    group: str
    #: The headers of a request, and those of one whose body is lines.
    json: dict[str, str]
    lines: dict[str, str]
    #: What a template says beside mappings and settings.
    template: _Json
    #: Settings of indices beside those that both have.
    settings: _Json
    #: The names, the one to use first, of the setting of ``cluster`` that says
    #: what nodes refuse while they know no master.
    blocks_without_master: tuple[str, ...]

    @abc.abstractmethod
    def has_answered(
        self, status: int, headers: collections.abc.Mapping[str, str]
    ) -> bool:
        """Tell whether an answer may be of this product, by its status and
        its headers.
        """

    @abc.abstractmethod
    def aliases(self, index: str) -> _Json:
        """Return the aliases of an index, whatever it is used for."""

    @abc.abstractmethod
    def target(self, index: str) -> _Json:
        """Return how a line of ``_bulk`` names the index that it writes to,
        so that no index is made if that one is gone.
        """

    @abc.abstractmethod
    def index(self, target: str) -> str:
        """Return the index that answers mean, which may name it as
        :meth:`target` does.
        """

    @abc.abstractmethod
    def check_settings(self, index: str, settings: _Json) -> None:
        """Raise ``SchemaOutOfDate`` if an index can't hold what is promised,
        by its settings.
        """

    # Points in time

    @abc.abstractmethod
    def point_in_time(self, index: str) -> str:
        """Return the path of the request that opens one."""

    @abc.abstractmethod
    def opened(self, answer: _Json) -> str:
        """Return the id of one, from the answer to that."""

    @abc.abstractmethod
    def closing(self, id: str) -> tuple[str, _Json]:
        """Return the path and the body of the request that closes one."""


class Elasticsearch(Product):
    """Elasticsearch 8 and 9."""

    name = 'Elasticsearch'
    group = 'elasticsearch'
    json = {
        'accept': _TYPE % 'json',
        'content-type': _TYPE % 'json',
    }
    lines = {
        'accept': _TYPE % 'json',
        'content-type': _TYPE % 'x-ndjson',
    }
    template = {'allow_auto_create': False}
    settings: _Json = {}
    blocks_without_master = ('no_master_block',)

    def has_answered(
        self, status: int, headers: collections.abc.Mapping[str, str]
    ) -> bool:
        """Tell so by the header, which proxies' own answers lack as well."""
        if 200 <= status < 300 or status in _UNKNOWN_TYPE:
            return headers.get(_HEADER) == 'Elasticsearch'
        return True

    def aliases(self, index: str) -> _Json:
        """Return nothing: by :attr:`template` no write makes an index."""
        return {}

    def target(self, index: str) -> _Json:
        """Return its name."""
        return {'_index': index}

    def index(self, target: str) -> str:
        """Return the name: answers have it."""
        return target

    def check_settings(self, index: str, settings: _Json) -> None:
        """Return: all copies of an index are written to."""

    def point_in_time(self, index: str) -> str:
        """Return the path of the request that opens one."""
        return f'/{index}/_pit'

    def opened(self, answer: _Json) -> str:
        """Return the id of one, from the answer to that."""
        return str(answer['id'])

    def closing(self, id: str) -> tuple[str, _Json]:
        """Return the path and the body of the request that closes one."""
        return '/_pit', {'id': id}


class OpenSearch(Product):
    """OpenSearch 2 and 3."""

    name = 'OpenSearch'
    group = 'opensearch'
    json = {
        'accept': 'application/json',
        'content-type': 'application/json',
    }
    lines = {
        'accept': 'application/json',
        'content-type': 'application/x-ndjson',
    }
    template: _Json = {}
    # Copies of segments lag behind: who asks one of them misses what was
    # acknowledged. So it isn't left to the cluster's default.
    settings = {'replication.type': 'DOCUMENT'}
    blocks_without_master = ('no_cluster_manager_block', 'no_master_block')

    def has_answered(
        self, status: int, headers: collections.abc.Mapping[str, str]
    ) -> bool:
        """Tell so by what Elasticsearch says of itself: OpenSearch says
        nothing.
        """
        return headers.get(_HEADER) is None

    # No template forbids that writes make an index. But a write can say that
    # it means an alias, and no write makes one. Each index has an alias of its
    # own for that, which goes with it: the alias that is read comes to name
    # another index, so a write by it could end up there.

    def aliases(self, index: str) -> _Json:
        """Return the one that is written to."""
        return {_written_to(index): {}}

    def target(self, index: str) -> _Json:
        """Return the alias of the index alone."""
        return {
            '_index': _written_to(index),
            'require_alias': True,
        }

    def index(self, target: str) -> str:
        """Return the index of an alias that is written to."""
        return target.removesuffix(_WRITES)

    def check_settings(self, index: str, settings: _Json) -> None:
        """Refuse replication by segments."""
        if settings.get('replication', {}).get('type') == 'SEGMENT':
            raise exceptions.SchemaOutOfDate(
                f'The index {index} is replicated by segments'
                ' (index.replication.type), so that acknowledged writes'
                ' may be missed by reads and lost with a node. Restore it'
                ' with index.replication.type DOCUMENT.'
            )

    def point_in_time(self, index: str) -> str:
        """Return the path of the request that opens one."""
        return f'/{index}/_search/point_in_time'

    def opened(self, answer: _Json) -> str:
        """Return the id of one, from the answer to that."""
        return str(answer['pit_id'])

    def closing(self, id: str) -> tuple[str, _Json]:
        """Return the path and the body of the request that closes one."""
        return '/_search/point_in_time', {'pit_id': [id]}


ELASTICSEARCH, OPENSEARCH = Elasticsearch(), OpenSearch()


def _written_to(index: str) -> str:
    return f'{index}{_WRITES}'
