"""The keys that a restore may have, by its mode and by the storage that it
reads.
"""

from freezer_api.domain import agents

#: Keys that every restore may have.
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
#: Keys by which a storage is reached.
STORAGES = {
    'local': frozenset[str](),
    'swift': frozenset[str](),
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
#: Keys that a mode's restore needs beside.
MODE_KEYS = {
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
#: What a native backup of Cinder is found by: neither a storage nor a name.
_NATIVE = frozenset(
    ('log_file', 'timeout', 'proxy', 'insecure', 'os_identity_api_version')
)


def allowed(mode: str, storage: str | None = None) -> frozenset[str]:
    """The keys that a restore of a mode may have, beside what says that it is
    one; of any storage if none is named.
    """
    if mode == 'cindernative':
        return _NATIVE | MODE_KEYS[mode]
    chosen = (
        STORAGES
        if storage is None
        else {storage: STORAGES.get(storage, frozenset())}
    )
    return frozenset().union(
        _COMMON, MODE_KEYS.get(mode, frozenset()), *chosen.values()
    )


def settable(mode: str) -> frozenset[str]:
    """The keys of a restore that a request may set over what is planned."""
    return allowed(mode) | (
        {'consistency_checksum'} if mode in agents.FILES else frozenset()
    )
