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
    """Return the driver that ``[storage] driver`` names, not connected yet.

    ``cfg.Error`` if there is none of that name, or if a Python module is
    missing that it needs.
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
    """Raise ``cfg.Error``, for an operator, if a driver needs a module that
    isn't installed.
    """
    if not isinstance(error, ModuleNotFoundError):
        raise error
    message = (
        f'[storage] driver: {entry_point.name} needs the Python module'
        f' {error.name}, which is not installed'
    )
    # The extras of this package are named like its drivers. What others'
    # drivers need isn't known here.
    if entry_point.value.startswith(f'{__package__}.'):
        message += (
            f'; it comes with pip install "freezer-api[{entry_point.name}]"'
        )
    raise cfg.ConfigFileValueError(f'{message}.') from None
