"""Optional packages: those that an option needs and that an extra of this
package installs.
"""

import importlib

from oslo_config import cfg


def require(module: str, setting: str, package: str, extra: str) -> None:
    """Require that a module can be imported.

    Otherwise raise ``cfg.Error``, which says which ``setting`` needs which
    ``package``, and which ``extra`` installs it.
    """
    try:
        importlib.import_module(module)
    except ImportError as error:
        text = (
            f'{setting} needs the Python package {package}; it comes with pip'
            f' install "freezer-api[{extra}]"'
        )
        if _is_about_another(error, module):
            reason = ' '.join(str(error).split())
            text = f'{text} ({reason})'
        raise cfg.ConfigFileValueError(f'{text}.') from None


def _is_about_another(error: ImportError, module: str) -> bool:
    """Tell whether an import failed for something else than the package of
    ``module`` itself: installing that would not help then.
    """
    if error.name is None:
        return True
    wanted, _dot, _rest = module.partition('.')
    missing, _dot, _rest = error.name.partition('.')
    return missing != wanted
