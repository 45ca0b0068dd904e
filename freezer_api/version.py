"""The version of this release, as packaging knows it."""

import functools

from pbr import version


@functools.cache
def release() -> str:
    """Return the version of the installed package, such as ``20.0.0``."""
    return version.VersionInfo('freezer-api').release_string()
