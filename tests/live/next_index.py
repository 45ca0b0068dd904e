"""Commands as of the release after this one, which indexes alike by another version. Processes of
:mod:`.preloading` find this module beside that one.
"""

from freezer_api.cmd import manage, status
from freezer_api.domain import search_pairs


def run_manage() -> int:
    """Run ``freezer-manage``."""
    search_pairs.INDEX_VERSION += 1
    return manage.main()


def run_status() -> int:
    """Run ``freezer-manager-status``."""
    search_pairs.INDEX_VERSION += 1
    return status.main()
