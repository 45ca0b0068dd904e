"""Pages far within a list, which the counts of its documents lead to: they are those that reading
from the beginning finds, whatever others do meanwhile.
"""

import functools
import itertools
import random
import threading
import unittest.mock

import sqlalchemy

from freezer_api.db import verifying
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections import errors, opening
from freezer_api.db.sqlalchemy.search import counting, counts, page_reading, terms
from freezer_api.domain import search_query
from freezer_api.domain.documents import BACKUPS, CLIENTS, JOBS, SESSIONS
from freezer_api.tests.contract import base, everywhere, lists, parallel, search_random
from tests.base import SEED
from tests.contract import costs, stores
from tests.contract.counted import Counted

#: The first numbers of small and large blocks.
SMALL, LARGE = 1 << counts.SMALL, 1 << counts.LARGE
#: How a database is told the next number of a table.
NEXT_NUMBER = {
    'mysql': ('ALTER TABLE {table} AUTO_INCREMENT = {number}',),
    'postgresql': ("SELECT setval('{table}_seq_seq', {number}, false)",),
    'sqlite': (
        "DELETE FROM sqlite_sequence WHERE name = '{table}'",
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {number} - 1)",
    ),
}


@stores.on_stores(*stores.SQL_STORES)
class CountedLists(Counted, lists.Lists):
    """What lists promise."""


@stores.on_stores(*stores.SQL_STORES)
class CountedEverywhere(Counted, everywhere.Everywhere):
    """What lists of all projects' jobs promise."""


@stores.on_stores(*stores.SQL_STORES)
class CountedSearches(Counted, search_random.RandomSearches):
    """Random documents and pages; few of them have no conditions."""


class Own(Counted):
    """A store of each test's own, in which one list spreads over several blocks."""

    def setUp(self):
        super().setUp()
        self.own = self.make_own_storage()
        self.project = self.in_project('p', self.own)

    def put(self, numbers):
        """Create documents with numbers of their own, and return their ids."""
        ids = []
        for number in numbers:
            for statement in NEXT_NUMBER[self.own.database.dialect]:
                self.run_sql(statement.format(table=models.clients.name, number=number))
            ids.append(f'{number:08}')
            self.project.put_client(ids[-1])
        return ids

    def run_sql(self, *statements):
        """Execute SQL by a transaction of its own."""
        with self.own.database.engines.writer.connect() as connection, connection.begin():
            for statement in statements:
                if isinstance(statement, str):
                    connection.exec_driver_sql(statement)
                else:
                    connection.execute(statement)

    def rows(self, bits):
        """The counts of all blocks of a size that aren't 0, by block."""
        columns = models.counts.c
        statement = sqlalchemy.select(columns.block, columns.number).where(
            columns.bits == bits, columns.number != 0
        )
        with self.own.database.engines.writer.connect() as connection:
            return {row.block: row.number for row in connection.execute(statement)}

    def uncounted(self, kind=CLIENTS):
        """How many documents of the list are to be counted, and how many counted off."""
        (term,) = terms.of_lists(kind, ('p',))
        seq = models.pairs.c.seq
        statement = sqlalchemy.select(seq).where(models.pairs.c.term == terms.uncounted(term))
        with self.own.database.engines.writer.connect() as connection:
            seqs = connection.execute(statement).scalars().all()
        new = [seq for seq in seqs if seq > 0]
        return len(new), len(seqs) - len(new)

    def pages_are_right(self, ids, kind=CLIENTS, limit=2):
        """Pages at all offsets, in both directions."""
        for offset in range(len(ids) + 3):
            for descending in (False, True):
                query = search_query.Query(limit=limit, offset=offset, descending=descending)
                page = self.own.find(self.project.scope, kind, query)
                expected = ids[::-1] if descending else ids
                self.assertEqual(
                    expected[offset : offset + limit],
                    [document.id for document in page.documents],
                    (offset, descending),
                )
                self.assertEqual(offset + limit < len(ids), page.more)

    def drifts(self, walk=None):
        """What all walks tell."""
        found = []
        for kind in verifying.KINDS:
            place = ()
            while place is not None:
                step = (walk or self.own.verify)(kind, place, 100, thorough=True)
                found += step.drifts
                place = step.place
        return found


#: Numbers at the ends of small and large blocks, and alone in some.
NUMBERS = (
    *(1, 2, SMALL - 1, SMALL, SMALL + 1, 5 * SMALL),
    *(LARGE - 1, LARGE, LARGE + 1, 2 * LARGE - 1, 7 * LARGE + 3 * SMALL, 7 * LARGE + 4 * SMALL - 1),
)


@stores.on_stores(*stores.SQL_STORES)
class Blocks(Own):
    """Documents whose numbers are at the ends of blocks."""

    alone = True

    def test_pages_are_those_of_the_list(self):
        ids = self.put(NUMBERS)
        self.pages_are_right(ids)
        self.assertEqual({0: 7, 1: 3, 7: 2}, self.rows(counts.LARGE))
        self.assertEqual(len(NUMBERS), sum(self.rows(counts.SMALL).values()))
        self.assertEqual((0, 0), self.uncounted())
        self.assertEqual([], self.drifts())

    def test_documents_that_come_and_go_are_counted_once(self):
        shuffled = random.Random(SEED)
        ids = self.put(NUMBERS[::2])
        self.pages_are_right(ids)
        # One remains uncounted, behind those that are counted.
        ids += self.put([8 * LARGE])
        self.pages_are_right(ids)
        self.assertEqual((1, 0), self.uncounted())
        ids += self.put([8 * LARGE + 1, 9 * LARGE])
        self.pages_are_right(ids)
        self.assertEqual((0, 0), self.uncounted())
        ids += self.put([9 * LARGE + 5])
        while ids:
            id = ids.pop(shuffled.randrange(len(ids)))
            self.project.write(CLIENTS, id, None)
            self.pages_are_right(ids)
        # The last one is to be counted off with the next.
        self.assertEqual((0, 1), self.uncounted())
        self.assertEqual([1], list(self.rows(counts.LARGE).values()))
        self.assertEqual([], self.drifts())
        self.put([9 * LARGE + 6])
        self.pages_are_right([f'{9 * LARGE + 6:08}'])
        self.assertEqual((0, 0), self.uncounted())
        self.assertEqual({9: 1}, self.rows(counts.LARGE))

    def test_documents_that_were_never_counted_leave_nothing(self):
        """In most lists nobody reads far."""
        ids = self.put(NUMBERS)
        self.assertEqual((len(NUMBERS), 0), self.uncounted())
        for id in ids:
            self.project.write(CLIENTS, id, None)
        self.assertEqual((0, 0), self.uncounted())

    def test_changes_leave_counts_alone(self):
        ids = self.put(NUMBERS)
        self.pages_are_right(ids)
        before = self.rows(counts.SMALL)
        for id in ids:
            self.project.put_client(id, zone='other')
        self.assertEqual((0, 0), self.uncounted())
        self.pages_are_right(ids)
        self.assertEqual(before, self.rows(counts.SMALL))

    def test_other_lists_are_counted_for_themselves(self):
        ids = self.put(NUMBERS[:5])
        other = self.in_project('q', self.own)
        for number in range(5):
            other.put_client(f'q{number}')
        self.pages_are_right(ids)
        self.assertEqual(
            ['q3', 'q4'], other.ids(CLIENTS, offset=3, limit=3), 'the other one is counted now'
        )
        self.pages_are_right(ids)

    def test_purge_leaves_no_count(self):
        self.pages_are_right(self.put(NUMBERS))
        self.put([9 * LARGE])
        self.own.purge('p')
        self.assertEqual((0, 0), self.uncounted())
        statement = sqlalchemy.select(sqlalchemy.func.count()).where(models.counts.c.bits != 0)
        with self.own.database.engines.writer.connect() as connection:
            self.assertEqual(0, connection.execute(statement).scalar())

    def test_restored_documents_are_found_and_counted(self):
        source = self.put(NUMBERS)
        entries = self.own.entries(CLIENTS, (), 100)
        self.own.purge('p')
        self.own.restore(entries)
        self.assertEqual(len(NUMBERS), sum(self.rows(counts.LARGE).values()))
        self.pages_are_right(source)
        self.assertEqual([], self.drifts())

    def test_sessions_and_jobs_are_counted_too(self):
        for kind, make in ((SESSIONS, self.project.new_session), (JOBS, self.project.new_job)):
            ids = sorted(make(f'd{number}') for number in range(9))
            self.pages_are_right(ids, kind)
            remove = self.project.delete_session if kind == SESSIONS else self.project.delete_job
            for id in ids[1::2]:
                remove(id)
            self.pages_are_right(ids[::2], kind)
        self.assertEqual([], self.drifts())


@stores.on_stores(*stores.SQL_STORES)
class Damaged(Own):
    """Counts that somebody has laid hands on, or that are of another backup than the documents."""

    alone = True

    def test_wrong_counts_are_told_and_mended(self):
        ids = self.put(NUMBERS)
        self.pages_are_right(ids)
        (term,) = terms.of_lists(CLIENTS, ('p',))
        table = models.counts
        of_blocks = table.c.bits != 0
        for damage in (
            sqlalchemy.update(table).where(of_blocks).values(number=table.c.number + 1),
            sqlalchemy.delete(table).where(table.c.bits == counts.LARGE),
            sqlalchemy.delete(table).where(table.c.bits == counts.SMALL, table.c.block != 0),
            sqlalchemy.delete(table).where(of_blocks),
            sqlalchemy.insert(table).values(
                {'term': 5, 'bits': counts.SMALL, 'block': 3, 'number': 4}
            ),
            # To count off what was never counted: in a part that has counts, and in none.
            sqlalchemy.insert(models.pairs).values({'term': ~term, 'seq': -3}),
            sqlalchemy.insert(models.pairs).values({'term': ~5, 'seq': -LARGE}),
        ):
            self.run_sql(damage)
            found = self.drifts()
            self.assertTrue(found)
            for drift in found:
                self.assertIn('counts of documents', drift.what)
                self.assertTrue(drift.mendable)
            self.drifts(self.own.reindex)
            self.assertEqual([], self.drifts())
            self.pages_are_right(ids)

    def test_without_the_row_that_says_so_nothing_is_counted(self):
        ids = self.put(NUMBERS[:6])
        self.pages_are_right(ids)
        self.run_sql(sqlalchemy.delete(models.counts))
        more = self.put(NUMBERS[6:])
        self.pages_are_right(ids + more)
        self.assertEqual((6, 0), self.uncounted())
        self.assertEqual([], self.drifts())


class Shared(Own):
    """Another storage on the same store."""

    alone = True

    def setUp(self):
        super().setUp()
        self.other = self.in_project('p', self.make_storage(base.configured(self.own_options)))
        self.other.storage.clock = self.clock

    def make_own_options(self):
        """The same ones for both stores."""
        self.own_options = super().make_own_options()
        return self.own_options


@stores.on_stores(*stores.SQL_STORES)
class Meanwhile(Shared):
    """Others create, delete and count documents between any two statements."""

    def test_a_page_is_of_one_state(self):
        """Two documents are deleted once the page's place is known: one before it in an earlier
        block, then one in its own.
        """
        ids = self.put([*range(1, 6), *range(SMALL, SMALL + 6)])
        locate = counts.locate

        def overtaken(*arguments):
            start = locate(*arguments)
            for id in (ids[0], ids[5]):
                self.other.write(CLIENTS, id, None)
            return start

        with unittest.mock.patch.object(counts, 'locate', overtaken):
            self.assertEqual(ids[8:10], self.project.ids(CLIENTS, offset=8, limit=2))
        left = [id for id in ids if id not in (ids[0], ids[5])]
        self.pages_are_right(left)

    def test_those_who_count_at_once_count_once(self):
        ids = self.put(range(1, 41))
        (term,) = terms.of_lists(CLIENTS, ('p',))
        databases = [self.own.database, self.other.storage.database] * 4
        parallel.threads(len(databases), lambda number: counting.catch_up(databases[number], term))
        self.pages_are_right(ids)
        self.assertEqual({0: 40}, self.rows(counts.LARGE))
        self.assertEqual([], self.drifts())

    def test_documents_deleted_while_they_are_counted_are_not_counted(self):
        """By many at once: each is counted, or deleted, or first the one and then the other."""
        ids = self.put(range(1, 61))
        stop = threading.Event()

        def read():
            while not stop.is_set():
                self.project.ids(CLIENTS, offset=3, limit=1)

        def delete(mine):
            for id in mine:
                self.other.write(CLIENTS, id, None)

        def create(at):
            for number in range(10):
                self.other.put_client(f'{at}-{number:03}')

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        work = [functools.partial(delete, ids[1 + at :: 4]) for at in range(3)]
        work += [functools.partial(create, at) for at in 'ab']
        try:
            parallel.threads(len(work), lambda number: work[number]())
        finally:
            stop.set()
            for reader in readers:
                reader.join()
        left = ids[::4]
        made = [f'{at}-{number:03}' for at, number in itertools.product('ab', range(10))]
        found = self.project.ids(CLIENTS, limit=100)
        self.assertEqual({*left, *made}, set(found))
        self.pages_are_right(found)
        self.assertEqual([], self.drifts())
        new, gone = self.uncounted()
        self.assertEqual(len(found), sum(self.rows(counts.LARGE).values()) + new - gone)


@stores.on_stores(stores.MariaDB, stores.PostgreSQL)
class Late(Shared):
    """A document gets its number, and is seen after others that got theirs later were counted."""

    def setUp(self):
        super().setUp()
        # MariaDB goes through all of a table that is small, and through what others have locked.
        others = self.in_project('q', self.own)
        for number in range(40):
            others.put_backup(f'q{number}')

    def hold(self, call, *arguments, breaks=False):
        """Let the other one do something, but for its commit; what lets it go on, or lets it
        break off there.
        """
        held, go_on = threading.Event(), threading.Event()

        def wait(connection):
            held.set()
            go_on.wait()
            if breaks:
                connection.connection.rollback()
                raise errors.StartOver('as if the server had broken it off')

        engine = self.other.storage.database.engines.writer
        sqlalchemy.event.listen(engine, 'commit', wait)
        thread = threading.Thread(target=call, args=arguments)
        thread.start()

        def end():
            go_on.set()
            thread.join()
            if sqlalchemy.event.contains(engine, 'commit', wait):
                sqlalchemy.event.remove(engine, 'commit', wait)

        self.addCleanup(end)
        self.assertTrue(held.wait(30), 'nothing is committed')
        return end

    def test_who_counts_waits_for_nobody(self):
        """Whoever deletes a document may take its time, whether that was counted or not."""
        counted = self.put(range(1, 7))
        self.pages_are_right(counted)
        uncounted = [f'z{number}' for number in range(6)]
        for id in uncounted:
            self.project.put_client(id)
        for gone in (counted[2], uncounted[1]):
            end = self.hold(self.other.write, CLIENTS, gone, None)
            pages = threading.Thread(target=self.project.ids, args=(CLIENTS,), kwargs={'offset': 3})
            pages.start()
            pages.join(opening.LOCK_TIMEOUT / 2)
            self.assertFalse(pages.is_alive())
            end()
        left = [id for id in counted + uncounted if id not in (counted[2], uncounted[1])]
        self.pages_are_right(left)
        self.assertEqual([], self.drifts())

    def test_who_deletes_waits_for_nobody(self):
        """Neither for others that delete in the same list nor for those that count it, whether
        these come to an end or not.
        """
        ids = self.put(range(1, 9))
        self.pages_are_right(ids)
        new = [f'z{number}' for number in range(8)]
        for id in new:
            self.project.put_client(id)
        ids += new
        (term,) = terms.of_lists(CLIENTS, ('p',))
        catch_up = functools.partial(counting.catch_up, self.other.storage.database, term)
        for held in (
            functools.partial(self.hold, self.other.write, CLIENTS, ids.pop(), None),
            functools.partial(self.hold, self.other.write, CLIENTS, ids.pop(0), None),
            functools.partial(self.hold, catch_up, breaks=True),
            functools.partial(self.hold, catch_up),
        ):
            end = held()
            for at in (0, -1):
                delete = threading.Thread(
                    target=self.project.write, args=(CLIENTS, ids.pop(at), None)
                )
                delete.start()
                delete.join(opening.LOCK_TIMEOUT / 2)
                self.assertFalse(delete.is_alive(), held)
            end()
            self.assertEqual([], self.drifts())
        self.pages_are_right(ids)
        self.assertEqual([], self.drifts())

    def test_document_deleted_while_it_is_counted_is_counted_and_counted_off(self):
        ids = self.put(range(1, 5))
        (term,) = terms.of_lists(CLIENTS, ('p',))
        catch_up = functools.partial(counting.catch_up, self.other.storage.database, term)
        end = self.hold(catch_up, breaks=True)
        self.project.write(CLIENTS, ids.pop(1), None)
        end()
        # It is to be counted, and counted off.
        self.assertEqual((4, 1), self.uncounted())
        self.assertEqual([], self.drifts())
        for name in ('BATCH_SIZE', 'MAX_BATCHES'):
            self.enterContext(unittest.mock.patch.object(counting, name, 1))
        counting.catch_up(self.own.database, term)
        self.assertEqual((3, 0), self.uncounted(), 'both go at once')
        self.assertEqual([], self.drifts())
        self.pages_are_right(ids)
        self.assertEqual((1, 0), self.uncounted())
        self.assertEqual({0: 2}, self.rows(counts.LARGE))

    def test_document_deleted_just_before_it_is_counted_off_once(self):
        """The one who counts has locked it already, and removes no more rows than it counts."""
        ids = self.put(range(1, 5))
        (term,) = terms.of_lists(CLIENTS, ('p',))
        engine = self.other.storage.database.engines.writer
        deleted = []

        def delete(connection, cursor, statement, *_):
            if statement.startswith('DELETE') and not deleted:
                deleted.append(ids.pop(1))
                self.project.write(CLIENTS, deleted[0], None)

        sqlalchemy.event.listen(engine, 'before_cursor_execute', delete)
        counting.catch_up(self.other.storage.database, term)
        self.assertEqual(1, len(deleted))
        self.assertEqual((0, 1), self.uncounted())
        self.assertEqual([], self.drifts())
        self.pages_are_right(ids)

    def test_document_that_is_committed_late_stands_in_its_place(self):
        ids = self.put(range(1, 5))
        end = self.hold(self.other.put_client, 'late')
        later = ['y', 'z']
        for id in later:
            self.project.put_client(id)
        self.pages_are_right(ids + later)
        self.assertEqual({0: 6}, self.rows(counts.LARGE))
        end()
        self.pages_are_right([*ids, 'late', *later])
        self.assertEqual((1, 0), self.uncounted())
        self.assertEqual([], self.drifts())


@stores.on_stores(*stores.SQL_STORES)
class Cost(costs.Cost):
    """A page far within a list takes a bounded number of statements and rows."""

    alone = True

    def test_rows_before_the_page_are_not_read(self):
        project = self.in_project(self.project.project_id, self.one)
        for number in range(700):
            project.put_backup(f'{number:04}')
        query = search_query.Query(limit=2, offset=600)
        find = functools.partial(self.one.find, project.scope, BACKUPS, query)
        with unittest.mock.patch.object(page_reading, 'MIN_OFFSET', 600):
            find()
            with_counts = self.count(find)
        without = self.count(find)
        self.assertEqual(1, without)
        self.assertLessEqual(with_counts, 9)
