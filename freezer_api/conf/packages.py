"""Packages that an option needs, and that are there only where an extra of
this one was installed.
"""

import importlib

from oslo_config import cfg


def require(module: str, setting: str, package: str, extra: str) -> None:
    """Return if a module can be imported; else ``cfg.Error`` says what needs
    it, and how it is installed.
    """
    try:
        importlib.import_module(module)
    except ImportError as error:
        told = (
            f'{setting} needs the Python package {package}; it comes with pip'
            f' install "freezer-api[{extra}]"'
        )
        if (
            error.name is None
            or error.name.partition('.')[0] != module.partition('.')[0]
        ):
            told += f' ({" ".join(str(error).split())})'
        raise cfg.ConfigFileValueError(f'{told}.') from None
