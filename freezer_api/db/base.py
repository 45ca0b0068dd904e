"""The storage contract: what a driver promises to the services.

A driver keeps documents of the kinds in
:data:`freezer_api.domain.documents.KINDS`. It is loaded by name from the entry
point group ``freezer.db.backends``, and made once per process as
``Driver(conf)``.

**Operations are atomic.** There is no transaction to begin. Each method takes
effect as a whole at one moment, whatever other threads, processes and hosts do
at the same time, and what it returned is never lost. Methods take *changes*:
pure functions, that may be called several times with newer states, or in a
batch. If one raises a domain error, nothing has changed. Conflicts between
callers are resolved by locks or by bounded retries with jitter; a caller never
sees one.

**Documents agree with each other.** A job is in one session at most: the one
that its ``session_id`` names, which has the job among its members. A job has
the schedule of its session, and the definitions of its actions. Claims
(:func:`freezer_api.domain.documents.claim`) are unique over all projects. What
an operation changes is written in :mod:`freezer_api.db.operations`, once for
all drivers. A store with compare-and-set on single documents can promise the
same: one document commits the operation, and whoever meets a part of it looks
there whether it is done.

**Trusts.** A document of the kind ``trusts`` stands for a trust in Keystone,
and exists as long as a job of its project has it in ``user_credentials``. It
keeps a trust from being ended that a new job is given
(:meth:`Storage.end_trust`).

**Runs lapse.** If :attr:`Session.settle_at` is earlier than an operation, that
goes by what :func:`.run_state.lapse` returns, whether it reads, lists, searches
or writes. Who writes the session stores that; reads may store it, too. The
clock is read once the session is locked.

**Reads see writes.** As soon as a write has returned, get, list and search see
it in every process. Each answer is a snapshot: a document and its version, or
a page and what made its documents match, belong to one moment. No promise
spans two calls.

**Versions** start at 1 and grow whenever the document as shown changes, and
only then. ``created`` is the timestamp of the creation, and stays. Lists are
in the order of creation.

**Errors** are those of :mod:`freezer_api.exceptions`. ``StorageUnavailable``:
the store can't be reached in time; a write may have happened, as a whole, or
not. The next call works as soon as the store is back.
"""

import abc
import collections.abc
import functools

from oslo_config import cfg

from freezer_api.db import maintenance
from freezer_api.db.changes import (
    ActionChange,
    Change,
    Check,
    Delete,
    Follow,
    JobChange,
    Keep,
    Linked,
    Store,
    TrustGone,
    Written,
)
from freezer_api.db.entries import RUNS, Entry, Place
from freezer_api.db.pages import Bounds, Page, Scope, check_page
from freezer_api.domain import documents, search_query
from freezer_api.domain.documents import ANYTHING, Document, Precondition
from freezer_api.domain.session_state import Decision, Outcome, Record

__all__ = (
    'ACTIONS_AT_ONCE',
    'RUNS',
    'ActionChange',
    'Bounds',
    'Change',
    'Check',
    'Delete',
    'Entry',
    'Follow',
    'JobChange',
    'Keep',
    'Linked',
    'Page',
    'Place',
    'Scope',
    'Storage',
    'Store',
    'TrustGone',
    'Written',
    'check_page',
)

#: Bytes by which a document may grow without its caller: version, session and
#: timestamps.
MARGIN = 1024
#: Actions of any size that may be read together for a job. Together with its
#: own definitions a job may refer to more than it can have.
ACTIONS_AT_ONCE = 16


class Storage(maintenance.Maintained):
    """One store, shared by all threads of a process. It may be used after a
    fork.

    Making one doesn't connect: an API process starts while its store is down.
    ``clock`` returns the time in microseconds; tests replace it.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        clock: collections.abc.Callable[[], int] = documents.now,
    ):
        self.conf = conf
        self.clock = clock

    @functools.cached_property
    def max_document_size(self) -> int:
        """Return how many bytes of JSON a document may have. Whoever reads it
        must be able to send it back as a request's body.
        """
        max_body_size = int(self.conf.oslo_middleware.max_request_body_size)
        return min(
            int(self.conf.api.max_document_size), max_body_size - MARGIN
        )

    @functools.cached_property
    def max_response_size(self) -> int:
        """Return how many bytes of JSON a request may read, or rewrite, of
        several documents together.
        """
        return int(self.conf.api.max_response_size)

    @property
    def bounds(self) -> Bounds:
        """Return what a page may cost."""
        return Bounds(self.max_response_size, self.max_document_size)

    # Every kind

    @abc.abstractmethod
    def get(self, scope: Scope, kind: str, id: str) -> Document:
        """Return a document, or raise ``NotFound``. A session is shown as
        :meth:`Session.document`, a job as it is stored.
        """

    @abc.abstractmethod
    def find(self, scope: Scope, kind: str, query: search_query.Query) -> Page:
        """Return a page of the documents that a query finds, by creation.

        A marker is a position, whether or not its document matches.
        ``InvalidInput`` for a marker that isn't in the scope, or isn't of its
        ``marker_project``; and (:func:`check_page`) for a page with more bytes
        than :attr:`max_response_size`, of which hardly more is read if no
        document is larger than :attr:`max_document_size`. A session counts as
        it is shown, with its members.

        The cost doesn't grow with the number of documents that don't match,
        except for ``texts``.
        """

    @abc.abstractmethod
    def claimed(self, kind: str, id: str) -> Document | None:
        """Return the one document of all projects that has a claim, None if
        there is none. Sessions have no claims.
        """

    @abc.abstractmethod
    def write(
        self,
        scope: Scope,
        kind: str,
        id: str,
        change: Change,
        is_new: bool = False,
    ) -> Written:
        """Create, change or delete a client, a backup or a trust. ``is_new``:
        the id was made for it, so there is none.

        ``Conflict`` if another document has its claim, as in all methods that
        write.
        """

    @abc.abstractmethod
    def purge(self, project_id: str) -> dict[str, int]:
        """Delete every document of a project that nobody uses any more; return
        how many of each kind.
        """

    # Actions and jobs

    @abc.abstractmethod
    def write_action(
        self,
        scope: Scope,
        id: str,
        change: ActionChange,
        follow: Follow | None = None,
    ) -> Written:
        """Create, change or delete an action. The jobs that have it become
        what ``follow`` returns (None: :func:`.links.relinked`).

        ``follow`` may give them another trust: ``TrustGone`` if it doesn't
        exist, and nothing has changed. ``Conflict``
        (:func:`.refusals.shared_too_much`), before all of them are read, if
        the jobs have more bytes than :attr:`max_response_size`.
        """

    @abc.abstractmethod
    def write_job(
        self,
        scope: Scope,
        id: str,
        change: JobChange,
        action_ids: collections.abc.Collection[str] = (),
        is_there: bool = False,
    ) -> Written:
        """Create or change a job, and create the actions that come with it.
        ``is_there``: it most likely exists.

        ``change`` is given the actions of ``action_ids``; none of them changes
        or is deleted before the job is stored. If the client of a member
        changes, its session shows that (:func:`.run_state.moved`).

        ``TrustGone`` if the job is given a trust that doesn't exist, and
        nothing has changed. ``InvalidInput``
        (:func:`.refusals.actions_too_large`), before all of them are read, if
        the actions have more bytes than :data:`ACTIONS_AT_ONCE` times
        :attr:`max_document_size`.
        """

    @abc.abstractmethod
    def delete_job(
        self, scope: Scope, id: str, check: Check = ANYTHING.check
    ) -> bool:
        """Delete a job that passes the check; it leaves its session
        (:func:`.run_state.left`). Return False if there is none.
        """

    @abc.abstractmethod
    def end_trust(self, scope: Scope, id: str) -> bool:
        """Delete the document of a trust that no job of the project has.
        Return False, and change nothing, if a job has it or it doesn't exist.

        Of several callers one gets True: the one who then deletes the trust in
        Keystone. No job can be given it from then on.
        """

    # Sessions

    @abc.abstractmethod
    def write_session(
        self,
        scope: Scope,
        id: str,
        decision: Decision,
        record: int | None = None,
        follower: str = '',
        is_new: bool = False,
    ) -> Outcome:
        """Decide about a session, and store all of the outcome; return the
        outcome with the session as it is now.

        ``record`` is the tag of the earlier run whose record the decision
        needs, and ``follower`` a job that most likely follows it (it is read
        with the session, where that is of use). ``is_new``: the id was made
        for this session, so nobody else has it. A session is deleted with its
        records. Once a run has begun, the oldest records beyond ``[sessions]
        runs_kept`` are deleted; the current run counts, and the newest run
        that ended in success (:attr:`Session.succeeded`) is kept.

        ``Conflict`` (:func:`.refusals.members_too_much`), before all of them
        are read, if the jobs of the followers have more bytes than
        :attr:`max_response_size`. The cost doesn't depend on the number of
        sessions, or of runs kept.
        """

    @abc.abstractmethod
    def attach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> bool:
        """Make a job a member of a session (:func:`.membership.attach`); it
        leaves the one that it was in. Return whether it wasn't a member
        before; a member stays as it is.

        ``NotFound`` if either is missing. The precondition is that of the
        session.
        """

    @abc.abstractmethod
    def detach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> bool:
        """Take a job out of a session (:func:`.membership.detach`). Return
        whether it was a member; if it wasn't, nothing changes.
        """

    @abc.abstractmethod
    def runs(
        self,
        scope: Scope,
        session_id: str,
        limit: int,
        marker: int | None = None,
    ) -> tuple[list[Record], bool]:
        """Return the runs of a session with tags below ``marker``, newest
        first, the current one among them; and whether there are more.

        ``NotFound`` without the session, ``InvalidInput`` for a marker that is
        no run's tag, and for runs that are more than
        :attr:`max_response_size` as they are shown.
        """

    @abc.abstractmethod
    def run(self, scope: Scope, session_id: str, tag: int) -> Record:
        """Return one run of a session, or raise ``NotFound``."""

    @abc.abstractmethod
    def run_backups(
        self, scope: Scope, session_id: str, record: Record
    ) -> tuple[str, ...]:
        """Return the ids of the project's backups that belong to a run
        (:func:`.backups.belongs`), in the order of lists.

        The cost is that of the run's jobs and of the backups found, however
        many backups these jobs made in other runs.
        """

    # Operation

    @abc.abstractmethod
    def check(self) -> None:
        """Return if the store answers and has this release's schema, else
        raise ``StorageUnavailable``. For health checks.
        """

    @abc.abstractmethod
    def sync(self) -> None:
        """Create or upgrade the schema, as far as processes of the release
        before can go on. It may be called again, and by several processes at
        once.
        """

    def contract_schema(self) -> None:
        """Remove from the schema what only earlier releases need, whose
        processes are gone. ``SchemaOutOfDate``, and nothing has changed, if
        :meth:`sync` hasn't made the schema of this release.
        """
        self.check()

    def uncontracted(self) -> list[str]:
        """Return what :meth:`contract_schema` would do, the oldest first, each
        by the version of the lowest schema whose release may go on after that;
        [] if nothing is left to remove, or :meth:`sync` comes first.
        """
        return []

    def unsafe_settings(self) -> list[str]:
        """Return a sentence about each setting of the store by which it may
        lose, or hide, what was acknowledged: what it is, what may come of it,
        what it should be. [] if there is none; ``StorageUnavailable`` if the
        store doesn't say.
        """
        return []

    @abc.abstractmethod
    def version(self) -> str | None:
        """Return the version of the schema, None if there is none."""

    def where(self) -> str:
        """Return the kind and address of the store for an operator, without a
        password; '' if unknown.
        """
        return ''

    def close(self) -> None:  # noqa: B027
        """Close connections, if there are any. The next call opens them
        again.
        """
