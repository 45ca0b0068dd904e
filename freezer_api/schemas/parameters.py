"""The parameters of queries, for the description of the API. They are checked
where they are read.
"""

from freezer_api.domain import search
from freezer_api.schemas import base

_CONDITION: base.Schema = {
    'type': 'object',
    'minProperties': 1,
    'maxProperties': 1,
    'additionalProperties': {
        'type': ['string', 'number', 'boolean', 'null'],
    },
    'description': 'an object with one key and a scalar',
}
_CONDITIONS = {
    'type': 'array',
    'items': _CONDITION,
    'description': 'a list of objects with one key each',
}
_BOUND = {
    'anyOf': [
        {'type': 'number'},
        {'type': 'string', 'pattern': r'^-?[0-9]{1,20}(\.[0-9]{1,20})?$'},
    ],
    'description': (
        'a number of seconds since 1970, in searches for backups alone'
    ),
}
#: The parameter ``search`` of lists, and the body of a search.
SEARCH = base.titled(
    'Search',
    base.record(
        {
            **dict.fromkeys(search.CONDITIONS, _CONDITIONS),
            **dict.fromkeys(search.BOUNDS, _BOUND),
        },
        closed=True,
    ),
)
#: The other parameters of lists.
LIMIT: base.Schema = {
    'type': 'integer',
    'minimum': 0,
    'description': (
        'How many entries the page has at most. 0 stands for the default, 10;'
        ' a number above [api] max_limit for that one.'
    ),
}
OFFSET: base.Schema = {
    'anyOf': [{'type': 'integer', 'minimum': 0}, base.ID],
    'description': (
        'How many entries are left out at the beginning. What is no number of'
        ' at most 9 digits is a marker.'
    ),
}
MARKER: base.Schema = {
    **base.ID,
    'description': 'The id of the last entry of the page before.',
}
RUN_MARKER: base.Schema = {
    'type': 'integer',
    'minimum': 0,
    'maximum': base.MAX_INTEGER,
    'description': 'The tag of the last run of the page before.',
}
SORT: base.Schema = {
    'enum': ['created', 'created:asc', 'created:desc'],
    'description': 'The order, by the time of creation.',
}
ALL_PROJECTS: base.Schema = {
    'type': 'boolean',
    'description': 'Whether the list has the jobs of all projects.',
}
MARKER_PROJECT: base.Schema = {
    **base.ID,
    'description': (
        'The project of the marker, in a list of the jobs of all projects.'
    ),
}
DRY_RUN: base.Schema = {
    'type': 'boolean',
    'description': (
        'Whether the job is only checked: the answer says what agents would'
        ' make of it.'
    ),
}
