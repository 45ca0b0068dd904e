"""Fill a project with sessions, straight through the storage: ``DB_URL=…
python -m benchmarks.seed PROJECT COUNT``.

The values repeat with periods of 30 (``schedule_interval``) and 50
(``hold_off``), so that searches for them find few.
"""

import concurrent.futures
import sys
import uuid

from freezer_api.db.base import Storage
from freezer_api.domain import search_query
from freezer_api.services import common, sessions


def fill(storage: Storage, project: str, numbers: range) -> None:
    """Make the sessions of some numbers."""
    caller = common.Caller(project, 'u1')
    for i in numbers:
        schedule = {
            'schedule_interval': f'{i % 30 + 1} days',
            'status': 'scheduled',
        }
        body = {
            'description': f'session {i}',
            'hold_off': 30 + i % 50,
            'schedule': schedule,
        }
        sessions.replace(storage, caller, uuid.UUID(int=i).hex, body)


def main() -> None:
    """Fill what isn't there yet, so that a run that was interrupted can go
    on.
    """
    # Its application is made when it is imported, as WSGI servers want it.
    from benchmarks import served  # noqa: PLC0415

    project, count = sys.argv[1], int(sys.argv[2])
    storage = served.storage()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda first: fill(
                    storage, project, range(first, min(first + 1000, count))
                ),
                range(0, count, 1000),
            )
        )
    more = sessions.list_page(
        storage,
        common.Caller(project, 'u1'),
        search_query.Query(limit=1, offset=count - 1),
    ).items
    print(f'{count} sessions' if more else 'some are missing')


if __name__ == '__main__':
    main()
