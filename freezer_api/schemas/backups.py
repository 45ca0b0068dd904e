"""What callers send for backups: documents; or flat, as agents do, what a
document has in its ``backup_metadata``.
"""

import re

from freezer_api.domain import backups
from freezer_api.domain.documents import Body
from freezer_api.schemas import base

#: Seconds that every caller can make a date of, in any zone: the years 1 to
#: 9999.
EARLIEST = -62_135_510_400
LATEST = 253_402_214_400
#: How many levels of objects and lists metadata may have: in a document they
#: are one level down, and a body may have 64.
MAX_DEPTH = 63
TEXT: base.Schema = {'type': ['string', 'null'], 'description': 'a string'}
#: What is known of metadata; they may have any other key.
METADATA = base.record(
    {
        'backup_name': {
            'type': 'string',
            'minLength': 1,
            'description': 'a string that is not empty',
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
_METADATA_KEY = 'backup_metadata'
# A time_stamp as forms and scripts send it; the longest are far out of bounds.
_INTEGER = re.compile(r'-?[0-9]{1,20}')
_check_flat = base.compile_check(METADATA)
_check_inside = base.compile_check(METADATA, prefix=f'{_METADATA_KEY}.')
_check_status = base.compile_check(STATUS)
# Keys of a document that callers can't set. In a flat body they would be
# metadata.
_READ_ONLY = ('backup_id', 'project_id', 'user_id')
# What metadata must say, and what those of a backup that isn't finished must.
_REQUIRED: tuple[str, ...] = ('backup_name', 'container', 'hostname')
_REQUIRED_UNFINISHED: tuple[str, ...] = ('backup_name',)


def backup(body: Body) -> Body:
    """Return ``status`` and ``backup_metadata`` of a backup to create; or
    raise ``InvalidInput``.

    A body without ``backup_metadata`` is the metadata; only its ``status``
    isn't one of them.
    """
    is_flat = body.get(_METADATA_KEY) is None
    given = _divide(body, ignored=() if is_flat else _READ_ONLY)
    given.setdefault('status', backups.AVAILABLE)
    required = _REQUIRED
    if given['status'] in backups.UNFINISHED:
        required = _REQUIRED_UNFINISHED
    metadata = given[_METADATA_KEY]
    prefix = '' if is_flat else f'{_METADATA_KEY}.'
    for key in required:
        if metadata.get(key) is None:
            raise base.invalid(prefix + key, 'is required')
    return given


def patch(body: Body) -> Body:
    """Return the ``backup_metadata`` to merge, and the ``status`` if there is
    one; or raise ``InvalidInput``. What a caller can't set is ignored.
    """
    return _divide(body, ignored=_READ_ONLY)


def _divide(body: Body, ignored: tuple[str, ...]) -> Body:
    """Return status and metadata of a body; what stands beside
    ``backup_metadata`` is merged into it.
    """
    inner = body.get(_METADATA_KEY)
    if inner is not None and not isinstance(inner, dict):
        raise base.invalid(_METADATA_KEY, 'must be an object')
    beside = dict(body)
    beside.pop(_METADATA_KEY, None)
    beside.pop('status', None)
    for key in ignored:
        beside.pop(key, None)
    base.check_depth(beside, MAX_DEPTH, 'body')
    metadata: Body = {}
    if inner is not None:
        metadata.update(inner)
    metadata.update(beside)
    # A status among the metadata counts where there is none beside them.
    status = metadata.pop('status', None)
    if body.get('status') is not None:
        status = body['status']
    _clean_metadata(metadata)
    if inner is None:
        _check_flat(metadata)
    else:
        _check_inside(metadata)
    given: Body = {}
    if status is not None:
        given['status'] = status
    _check_status(given)
    given[_METADATA_KEY] = metadata
    return given


def _clean_metadata(metadata: Body) -> None:
    """Remove nulls where a value is needed, and read numbers in strings."""
    for key in ('backup_name', 'time_stamp'):
        if key in metadata and metadata[key] is None:
            del metadata[key]
    timestamp = metadata.get('time_stamp')
    if timestamp == '':
        # Agents write what they don't know as an empty string.
        del metadata['time_stamp']
    elif isinstance(timestamp, str) and _INTEGER.fullmatch(timestamp):
        metadata['time_stamp'] = int(timestamp)
