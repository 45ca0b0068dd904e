"""Refreshes: what makes searches see all that was written before.

A search needs a refresh that begins after it was asked for. An index does one
at a time, and beside writers each is work. So the threads that come while one
is going on wait for its end, and share the next one.
"""

import threading
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch.commits import retries
from freezer_api.db.elasticsearch.connections import client


class _Refresh:
    """One that is going on, or that some wait for."""

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self.failure: BaseException | None = None


class Refreshes:
    """The refreshes of one process."""

    def __init__(self, connection: client.Client):
        self.client = connection
        self._lock = threading.Lock()
        self._present: dict[str, _Refresh] = {}
        self._next: dict[str, _Refresh] = {}

    def refresh(self, kind: str) -> None:
        """Make searches of a kind see what was written before the call."""
        with self._lock:
            present = self._present.get(kind)
            following = self._next.get(kind)
            is_mine = following is None
            if following is None:
                following = _Refresh()
                # The first one in a while needn't wait.
                place = self._present if present is None else self._next
                place[kind] = following
        if not is_mine:
            self._await(following)
            if following.failure is not None:
                raise exceptions.StorageUnavailable() from following.failure
            return
        if present is not None:
            # If it takes too long this one begins beside it.
            present.is_over.wait(retries.seconds_left())
            with self._lock:
                del self._next[kind]
                self._present[kind] = following
        self._do(kind, following)

    def waited_for(self) -> set[str]:
        """Return the kinds whose next refresh is waited for."""
        with self._lock:
            return set(self._next)

    def _do(self, kind: str, own: _Refresh) -> None:
        """Send a refresh, and wake those who wait for it."""
        try:
            path = f'/{self.client.alias(kind)}/_refresh'
            _status, answer = self.client.call('POST', path)
            _check_shards(answer)
        except BaseException as error:
            own.failure = error.__cause__ or error
            raise
        finally:
            with self._lock:
                if self._present.get(kind) is own:
                    del self._present[kind]
            own.is_over.set()

    @staticmethod
    def _await(following: _Refresh) -> None:
        """Wait for a refresh of another thread, up to the deadline."""
        if not following.is_over.wait(retries.seconds_left()):
            raise exceptions.StorageUnavailable() from retries.GaveUp(
                'too many refreshes of this process were ahead'
            )


def _check_shards(answer: typing.Any) -> None:
    """Raise ``StorageUnavailable`` if a copy that is searched wasn't
    refreshed: it may lack what was acknowledged.
    """
    shards = answer.get('_shards', {})
    for failure in shards.get('failures', ()):
        reason = failure.get('reason', {}).get('type')
        raise exceptions.StorageUnavailable() from client.Refused(
            f'a copy was not refreshed ({reason})'
        )
