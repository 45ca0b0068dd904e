"""Storage: the contract in :mod:`.base`, and drivers that keep it, found by
name.
"""

import typing

import stevedore.driver
from oslo_config import cfg
from stevedore import exception

from freezer_api.db import base

NAMESPACE = 'freezer.db.backends'


def load(conf: cfg.ConfigOpts) -> base.Storage:
    """The driver that ``[storage] driver`` names, made but not connected.

    ``cfg.Error`` if there is none of that name, or if a library is missing
    that it is made of.
    """
    name = conf.storage.driver
    try:
        found: stevedore.driver.DriverManager[typing.Any] = (
            stevedore.driver.DriverManager(
                NAMESPACE,
                name,
                invoke_on_load=True,
                invoke_args=(conf,),
                on_load_failure_callback=_fail,
                warn_on_missing_entrypoint=False,
            )
        )
    except exception.NoMatches:
        raise cfg.ConfigFileValueError(
            f'[storage] driver: there is no driver {name}.'
        ) from None
    return typing.cast(base.Storage, found.driver)


def _fail(
    manager: typing.Any, entry_point: typing.Any, error: BaseException
) -> None:
    if isinstance(error, ModuleNotFoundError):
        told = (
            f'[storage] driver: {entry_point.name} needs the Python module'
            f' {error.name}, which is not installed'
        )
        if entry_point.value.startswith(f'{__package__}.'):
            told += (
                '; it comes with pip install'
                f' "freezer-api[{entry_point.name}]"'
            )
        raise cfg.ConfigFileValueError(f'{told}.') from None
    raise error
