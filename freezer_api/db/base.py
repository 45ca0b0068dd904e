"""The storage contract: what a driver promises, and all that its author needs
to read.

A driver keeps documents of the kinds in
:data:`freezer_api.domain.documents.KINDS`. It is loaded by name from the entry
point group ``freezer.db.backends`` and made once per process, as
``Driver(conf)``.

**Whole operations.** There is no transaction to begin. Each method is one step
with one moment at which it takes effect, whatever other threads, processes and
hosts do at the same time; what it returned is never lost. Methods take *pure
changes*: functions of their arguments alone, that may be called several times
on newer states, or in a batch, and whose exceptions (domain errors) leave
everything as it was. Conflicts between callers are settled inside the driver,
by locks or by bounded, jittered retries; a caller never sees one.

**What spans documents is the driver's to keep.** A job is in one session at
most, the one that its ``session_id`` names, and that session has it among its
members. A job's schedule is its session's. A job's copy of an action is the
action's definition. Claims (:func:`freezer_api.domain.documents.claim`) are
unique over all projects. Which documents change together, and how, is told by
pure functions of the domain: :mod:`~freezer_api.domain.membership`,
:mod:`~freezer_api.domain.runs`, :mod:`~freezer_api.domain.links`. A store with
compare-and-set on single documents only can promise the same: let one document
commit, and let every reader and writer that meets a half-done operation see it
as done or undone by that document.

**Trusts.** A document of the kind ``trusts`` stands for a trust in Keystone
and lives as long as a job has it: a job's ``user_credentials`` name one of its
project's. They bind a new job to a trust, and tell who may end it
(:meth:`Storage.end_trust`).

**Runs lapse.** Where :attr:`Session.settle_at` lies before the moment of an
operation, the driver stores :func:`runs.lapse` first, whether it reads, lists,
searches or writes. The clock is read after the session is held.

**Reads see writes.** A document written is in get, list and search from then
on, in every process. Each answer is a snapshot: a document and its version,
and a page and what made it match, belong to one moment. No promise spans two
calls.

**Versions** start at 1 and grow whenever the shown document changes, and by no
bookkeeping. ``created`` is the moment of creation by the clock, and stays; the
order of lists is the order in which documents came to be.

**Errors.** Domain errors from :mod:`freezer_api.exceptions` alone.
``StorageUnavailable`` when the store can't be reached in time: then a write
may have happened, as a whole. The next call works once the store is back.
"""

import abc
import collections.abc
import functools
import typing

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
from freezer_api.db.steps import Step
from freezer_api.domain import (
    documents,
    search_query,
    session_state,
)
from freezer_api.domain.documents import ANYTHING, Document, Precondition

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

#: Bytes that a document may grow by without its caller: what tells of
#: versions, sessions and times.
MARGIN = 1024
#: Actions of any size that are read at once for a job. Together with
#: definitions of its own, a job may refer to more than it can have.
ACTIONS_AT_ONCE = 16


class Storage(abc.ABC):
    """One store, shared by all threads of a process and safe after a fork that
    follows its creation.

    Making one doesn't connect: an API process starts while its store is down.
    ``clock`` tells the moment in microseconds; tests replace it.
    """

    def __init__(
        self,
        conf: typing.Any,
        clock: collections.abc.Callable[[], int] = documents.now,
    ):
        self.conf = conf
        self.clock = clock

    @functools.cached_property
    def max_document_size(self) -> int:
        """The bytes of JSON that a document may have: what is read must fit
        into a body, to be sent back whole.
        """
        sent_back = (
            int(self.conf.oslo_middleware.max_request_body_size) - MARGIN
        )
        return min(int(self.conf.api.max_document_size), sent_back)

    @functools.cached_property
    def max_response_size(self) -> int:
        """The bytes of JSON that a request may read, or rewrite, of several
        documents together.
        """
        return int(self.conf.api.max_response_size)

    @property
    def bounds(self) -> Bounds:
        """What a page may cost."""
        return Bounds(self.max_response_size, self.max_document_size)

    # Every kind

    @abc.abstractmethod
    def get(self, scope: Scope, kind: str, id: str) -> Document:
        """The document, or ``NotFound``. A job as stored; a session as
        :meth:`Session.document`.
        """

    @abc.abstractmethod
    def find(self, scope: Scope, kind: str, query: search_query.Query) -> Page:
        """A page of the documents that a query finds; by creation, then id.

        A marker stands for its position whether or not the document matches;
        one that isn't in the scope, or not of its ``marker_project``, is
        ``InvalidInput``. No cost grows with the number of documents that don't
        match, but for ``texts``. ``InvalidInput`` (:func:`check_page`) for a
        page whose bodies are more than :attr:`max_response_size`. As long as
        no document is too large itself (:attr:`max_document_size`), hardly
        more than that is read. A session counts as it is shown, with its
        members.
        """

    @abc.abstractmethod
    def claimed(self, kind: str, id: str) -> Document | None:
        """The one document of all projects that has a claim
        (:func:`documents.claim`), or None. Not for sessions.
        """

    @abc.abstractmethod
    def write(
        self, scope: Scope, kind: str, id: str, change: Change
    ) -> Written:
        """Create, change or delete a client, a backup or a trust of the
        scope's project; the document as it is afterwards.

        A claim that another document has is ``Conflict``. So here and in the
        other methods that write.
        """

    @abc.abstractmethod
    def purge(self, project_id: str) -> dict[str, int]:
        """Erase every document of a project; how many of each kind. Meant for
        projects that nobody uses any more.
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
        """Create, change or delete an action; the jobs that have it follow,
        their versions grow.

        They become what ``follow`` tells, without it :func:`links.relinked`.
        It may give them another trust: ``TrustGone`` if that isn't there, and
        nothing has happened, as in :meth:`write_job`. ``Conflict``
        (:func:`refusals.shared_too_much`), before all of them are read, if
        these jobs are more than :attr:`max_response_size`.
        """

    @abc.abstractmethod
    def write_job(
        self,
        scope: Scope,
        id: str,
        change: JobChange,
        action_ids: collections.abc.Collection[str] = (),
    ) -> Written:
        """Create or change a job, and create the actions that come with it.

        The actions in ``action_ids`` can't change or go between the call of
        ``change`` and its effect. Where the job is a member of a session and
        its client changes, the member's entry follows (:func:`runs.moved`).
        Nor can the trust go that the job is given: ``TrustGone`` if it isn't
        there, and nothing has happened. ``InvalidInput``
        (:func:`refusals.actions_too_large`), before all of them are read, if
        these actions are more than any job can have: :data:`ACTIONS_AT_ONCE`
        times :attr:`max_document_size`.
        """

    @abc.abstractmethod
    def delete_job(
        self, scope: Scope, id: str, check: Check = ANYTHING.check
    ) -> bool:
        """Delete a job that passes the check; it leaves its session
        (:func:`runs.left`). False if there is none.
        """

    @abc.abstractmethod
    def end_trust(self, scope: Scope, id: str) -> bool:
        """Delete the document of a trust that no job of the project has.
        False, and nothing happens, if one has it or it is gone.

        Of two callers one gets True: who then ends the trust in Keystone. No
        job can get it from then on.
        """

    # Sessions

    @abc.abstractmethod
    def write_session(
        self,
        scope: Scope,
        id: str,
        decision: session_state.Decision,
        record: int | None = None,
    ) -> session_state.Outcome:
        """Decide about a session, and store all of the outcome; the outcome
        with the version that the session has now.

        ``record`` names the earlier run whose record the decision needs. A
        session that is deleted takes its records along. After a run has begun,
        the oldest records beyond ``[sessions] runs_kept`` (the current run
        counts) go, but never that of the newest run that ended in success
        (:attr:`Session.succeeded`). The cost doesn't depend on the number of
        sessions or of runs kept. ``Conflict``
        (:func:`refusals.members_too_much`), before all of them are read, if
        the jobs of the followers are more than :attr:`max_response_size`.
        """

    @abc.abstractmethod
    def attach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> bool:
        """Make a job a member (:func:`membership.attach`); it leaves the
        session that it was in. Return whether it wasn't a member before.

        ``NotFound`` if either is missing.

        The precondition is held against the session. A member stays as it is.
        """

    @abc.abstractmethod
    def detach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> bool:
        """Take a job out of a session (:func:`membership.detach`); return
        whether it was a member. Nothing happens if it wasn't.
        """

    @abc.abstractmethod
    def runs(
        self,
        scope: Scope,
        session_id: str,
        limit: int,
        marker: int | None = None,
    ) -> tuple[list[session_state.Record], bool]:
        """The runs of a session with tags below ``marker``, newest first, the
        current one among them; are there more?

        ``NotFound`` without the session, ``InvalidInput`` for a marker that is
        no run's.
        """

    @abc.abstractmethod
    def run(
        self, scope: Scope, session_id: str, tag: int
    ) -> session_state.Record:
        """One run of a session, or ``NotFound``."""

    @abc.abstractmethod
    def run_backups(
        self, scope: Scope, session_id: str, record: session_state.Record
    ) -> tuple[str, ...]:
        """The ids of the project's backups that belong to a run
        (:func:`backups.belongs`), in the order of lists.

        The cost is that of the backups found and of the run's jobs, however
        many backups the jobs made in other runs.
        """

    # Moving to another store. Nobody else writes meanwhile.

    @abc.abstractmethod
    def count(self, kind: str) -> int:
        """How many entries of a kind (or :data:`RUNS`) there are, over all
        projects.
        """

    @abc.abstractmethod
    def entries(self, kind: str, after: Place, limit: int) -> list[Entry]:
        """The first entries of a kind behind a place (the empty one: from the
        beginning) over all projects; [] at the end.

        Documents come in the order of their creation, which is that of lists;
        records of :data:`RUNS` by project, session id and tag, the texts in
        the order of their UTF-8 bytes, and never the current run's. What is
        kept is told as it is: a run that has lapsed as not completed yet, an
        operation that broke off as done or undone. At most ``limit``, and at
        least one where there is any; the cost is that of the entries returned.
        """

    @abc.abstractmethod
    def restore(self, entries: collections.abc.Sequence[Entry]) -> None:
        """Keep entries of one kind, as another store's :meth:`entries` told
        them, exactly as they are: versions and moments too.

        Documents stand behind all that are there, in the order given. What is
        there and equal (:meth:`Entry.dump`) is no harm. ``Conflict``, and
        nothing is changed by the call, where something else is there, another
        document has the claim, or a record's session is missing; what else
        entries tell of each other isn't looked at. Should it break off, any of
        them may be kept; called again with them, and further ones behind, it
        completes all, in their order.
        """

    # What is derived. Others read and write meanwhile.

    @abc.abstractmethod
    def named(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> list[Entry]:
        """The documents of a kind that a project has under ids, as
        :meth:`entries` tells them.
        """

    @abc.abstractmethod
    def verify(
        self, kind: str, after: Place, limit: int, thorough: bool = True
    ) -> Step:
        """Hold what is derived of documents against them: ``limit`` of a kind
        behind a place.

        Of ``steps.LEFT`` that is what stands where no document has it. Nothing
        is written. What others do meanwhile is never told as a drift: what
        seems to be one is looked at again, until it and its document were seen
        in one state. What is derived by another version
        (``search_pairs.INDEX_VERSION``) isn't held against the document; an earlier
        one is counted. Not ``thorough``: only that is looked at, at the cost
        of hardly more than reading the numbers.
        """

    @abc.abstractmethod
    def reindex(
        self, kind: str, after: Place, limit: int, thorough: bool = False
    ) -> Step:
        """Derive anew what is derived by an earlier version; the like of
        :meth:`verify`.

        ``thorough``: also what has drifted, which the step tells. Each
        document is changed by itself, as a whole; its version stays. What is
        up to date isn't written, so a walk that broke off can begin anew.
        """

    # Operation

    @abc.abstractmethod
    def check(self) -> None:
        """Return if the store answers and has this release's schema, else
        raise ``StorageUnavailable``. For health checks.
        """

    @abc.abstractmethod
    def sync(self) -> None:
        """Create or upgrade the schema. Idempotent, also when several
        processes call it at once.
        """

    @abc.abstractmethod
    def version(self) -> str | None:
        """The version of the schema that is there, None if there is none."""

    def where(self) -> str:
        """Which store it is, for an operator: its kind and address, without a
        password. '' if that isn't known.
        """
        return ''

    @abc.abstractmethod
    def close(self) -> None:
        """Give up connections. The next call opens them again."""
