"""The keys that the action of a restore may have, by its mode and by the
storage that it reads.
"""

from freezer_api.domain import agents

# Keys that every restore may have.
_COMMON = frozenset(
    (
        'storage',
        'container',
        'hostname',
        'backup_name',
        'engine_name',
        'restore_from_date',
        'encrypt_pass_file',
        'log_file',
        'max_segment_size',
        'max_priority',
        'timeout',
        'proxy',
        'insecure',
        'os_identity_api_version',
    )
)
#: The keys that an agent needs to reach each storage.
STORAGES: dict[str, frozenset[str]] = {
    'local': frozenset(),
    'swift': frozenset(),
    'ssh': frozenset(
        ('ssh_key', 'ssh_username', 'ssh_password', 'ssh_host', 'ssh_port')
    ),
    's3': frozenset(('access_key', 'secret_key', 'endpoint')),
    'ftp': frozenset(('ftp_username', 'ftp_password', 'ftp_host', 'ftp_port')),
    'ftps': frozenset(
        (
            'ftp_username',
            'ftp_password',
            'ftp_host',
            'ftp_port',
            'ftp_keyfile',
            'ftp_certfile',
        )
    ),
}
#: The keys that the restore of each mode has beside these.
MODE_KEYS: dict[str, frozenset[str]] = {
    **dict.fromkeys(agents.FILES, frozenset(('restore_abs_path',))),
    'nova': frozenset(
        (
            'nova_inst_id',
            'nova_inst_name',
            'project_id',
            'nova_restore_network',
        )
    ),
    'glance': frozenset(
        (
            'glance_image_id',
            'glance_image_name',
            'glance_image_name_filter',
            'project_id',
        )
    ),
    'cinder': frozenset(
        ('cinder_vol_id', 'cinder_vol_name', 'cinderbrick_vol_id')
    ),
    'cindernative': frozenset(
        ('cindernative_vol_id', 'cindernative_backup_id')
    ),
}
# Cinder itself stores these and finds them by id: neither a storage nor a name
# of ours is needed.
_NATIVE = frozenset(
    ('log_file', 'timeout', 'proxy', 'insecure', 'os_identity_api_version')
)


def allowed(mode: str, storage: str | None = None) -> frozenset[str]:
    """Return the keys that a restore of a mode may have beside ``action`` and
    ``mode``; those of every storage if none is named.
    """
    mode_keys = MODE_KEYS.get(mode, frozenset())
    if mode == 'cindernative':
        return _NATIVE | mode_keys
    if storage is None:
        storage_keys = frozenset[str]().union(*STORAGES.values())
    else:
        storage_keys = STORAGES.get(storage, frozenset())
    return _COMMON | mode_keys | storage_keys


def settable(mode: str) -> frozenset[str]:
    """Return the keys of a restore that a request may set in place of what is
    planned.
    """
    keys = allowed(mode)
    if mode in agents.FILES:
        return keys | {'consistency_checksum'}
    return keys
