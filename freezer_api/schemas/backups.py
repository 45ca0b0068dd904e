"""What callers send for backups: documents, or flat, as agents do, what stands
in a document's ``backup_metadata``.
"""

import re

from freezer_api import exceptions
from freezer_api.domain import backups
from freezer_api.domain.documents import Body
from freezer_api.schemas import base

#: Seconds that every caller can make a date of, in any zone: the years 1 to
#: 9999.
EARLIEST, LATEST = -62_135_510_400, 253_402_214_400
#: Metadata stand inside of a document, which is nested one level deeper and
#: must still be accepted when it is sent back.
MAX_DEPTH = 63
TEXT: base.Schema = {'type': ['string', 'null'], 'description': 'a text'}
#: What is known of metadata; they may have any other key.
METADATA = base.record(
    {
        'backup_name': {
            'type': 'string',
            'minLength': 1,
            'description': 'a text that is not empty',
        },
        'container': TEXT,
        'hostname': TEXT,
        'time_stamp': {
            'type': 'number',
            'minimum': EARLIEST,
            'maximum': LATEST,
            'description': (
                'a number of seconds since 1970, in the years 1 to 9999'
            ),
        },
    }
)
STATUS = base.record({'status': base.choice(backups.STATUSES)})
_INSIDE = 'backup_metadata.'
#: What forms and scripts send for a moment; the longest are far outside of the
#: bounds.
_INTEGER = re.compile(r'-?[0-9]{1,20}')
_check = {prefix: base.compiled(METADATA, prefix) for prefix in ('', _INSIDE)}
_check_status = base.compiled(STATUS)
_READ_ONLY = ('backup_id', 'project_id', 'user_id')


def backup(body: Body) -> Body:
    """``status`` and ``backup_metadata`` of a backup to create, or
    ``InvalidInput``.

    A body without ``backup_metadata`` is the metadata; only its ``status``
    stands beside them.
    """
    flat = body.get('backup_metadata') is None
    given = _divided(body, () if flat else _READ_ONLY)
    given.setdefault('status', backups.AVAILABLE)
    place = '' if flat else _INSIDE
    needed = (
        ('backup_name',)
        if given['status'] in backups.UNFINISHED
        else ('backup_name', 'container', 'hostname')
    )
    for key in needed:
        if given['backup_metadata'].get(key) is None:
            raise exceptions.InvalidInput(f'{place}{key}: is required.')
    return given


def patch(body: Body) -> Body:
    """``backup_metadata`` to merge, and ``status`` if there is one, or
    ``InvalidInput``; what a caller can't set is left away.
    """
    return _divided(body, _READ_ONLY)


def _divided(body: Body, left_away: tuple[str, ...]) -> Body:
    inner = body.get('backup_metadata')
    if inner is not None and not isinstance(inner, dict):
        raise exceptions.InvalidInput('backup_metadata: must be an object.')
    beside = {
        key: value
        for key, value in body.items()
        if key not in ('backup_metadata', 'status', *left_away)
    }
    base.check_depth(beside, MAX_DEPTH, 'body')
    metadata = {**(inner or {}), **beside}
    named = metadata.pop('status', None)
    status = named if body.get('status') is None else body['status']
    for key in ('backup_name', 'time_stamp'):
        if metadata.get(key) is None:
            metadata.pop(key, None)
    stamp = metadata.get('time_stamp')
    if stamp == '':
        # Agents write what they don't know as an empty text.
        del metadata['time_stamp']
    elif isinstance(stamp, str) and _INTEGER.fullmatch(stamp):
        metadata['time_stamp'] = int(stamp)
    _check['' if inner is None else _INSIDE](metadata)
    chosen = {} if status is None else {'status': status}
    _check_status(chosen)
    return {**chosen, 'backup_metadata': metadata}
