"""Use cases of whole projects, for operators."""

from freezer_api.db.base import Storage
from freezer_api.services import effects


def purge(storage: Storage, project_id: str) -> dict[str, int]:
    """Erase every document of a project; return how many of each kind.

    Meant for a project that nobody uses any more. Trusts stay in Keystone,
    which ends them itself when it deletes the project.
    """
    counts = storage.purge(project_id)
    effects.project_purged(project_id, counts)
    return counts
