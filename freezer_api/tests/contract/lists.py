"""Lists: their order, their pages, where they begin, and whose documents are in them."""

from freezer_api import exceptions
from freezer_api.db.base import Scope
from freezer_api.domain import search
from freezer_api.domain.documents import BACKUPS, CLIENTS, JOBS, SESSIONS
from freezer_api.domain.search_query import Query
from freezer_api.tests.contract import bodies

COUNT = 25


class Lists:
    """Each test runs over a kind that lies in one row, and over sessions, which don't."""

    def setUp(self):
        super().setUp()
        # Made in an order that is neither that of the ids nor, by a clock that stands still, that
        # of the moments.
        self.made = [f'{(number * 7) % COUNT:02d}' for number in range(COUNT)]
        for id in self.made:
            self.project.new_session(id, hold_off=int(id) % 3)
            self.project.put_backup(id, hold_off=int(id) % 3)

    def _pages(self, kind, **page):
        """The ids of all pages, each begun at the marker of the one before; and that they say
        rightly if there is more.
        """
        found, marker = [], None
        while True:
            got = self.project.page(kind, marker=marker, **page)
            found += [document.id for document in got.documents]
            self.assertLessEqual(len(got.documents), page['limit'])
            if not got.more:
                return found
            self.assertEqual(page['limit'], len(got.documents))
            marker = got.documents[-1].id

    def test_order_is_that_of_coming_to_be(self):
        for kind in (SESSIONS, BACKUPS):
            self.assertEqual(self.made, self.project.ids(kind))
            self.assertEqual(self.made[::-1], self.project.ids(kind, descending=True))

    def test_a_change_keeps_the_place(self):
        self.clock.advance(100)
        self.project.put_session(self.made[3], description='changed')
        self.project.put_backup(self.made[3], changed=True)
        for kind in (SESSIONS, BACKUPS):
            self.assertEqual(self.made, self.project.ids(kind))

    def test_an_id_used_again_comes_last(self):
        self.project.delete_session(self.made[3])
        self.project.put_session(self.made[3])
        self.project.write(BACKUPS, self.made[3], None)
        self.project.put_backup(self.made[3], again=True)
        for kind in (SESSIONS, BACKUPS):
            self.assertEqual(self.made[:3] + self.made[4:] + self.made[3:4], self.project.ids(kind))

    def test_a_clock_that_goes_back_does_not_change_the_order(self):
        self.clock.advance(-1000)
        self.project.new_session('late')
        self.project.put_backup('late')
        for kind in (SESSIONS, BACKUPS):
            self.assertEqual([*self.made, 'late'], self.project.ids(kind))

    def test_pages_follow_the_marker(self):
        for kind in (SESSIONS, BACKUPS):
            for limit in (1, 4, 5, 24, 25, 26):
                self.assertEqual(self.made, self._pages(kind, limit=limit))
                self.assertEqual(self.made[::-1], self._pages(kind, limit=limit, descending=True))

    def test_pages_of_a_search_follow_the_marker(self):
        searches = (
            ([{'hold_off': 1}], [], lambda n: n % 3 == 1),
            ([], [{'hold_off': 1}], lambda n: n % 3 != 1),
            ([{'hold_off': 2}], [{'hold_off': 1}], lambda n: n % 3 == 2),
            ([{'hold_off': 7}], [], lambda n: False),
        )
        for kind in (SESSIONS, BACKUPS):
            for match, match_not, fits in searches:
                expected = [id for id in self.made if fits(int(id))]
                for limit in (2, 3, 100):
                    for descending in (False, True):
                        got = self._pages(
                            kind,
                            match=match,
                            match_not=match_not,
                            limit=limit,
                            descending=descending,
                        )
                        self.assertEqual(expected[::-1] if descending else expected, got)

    def test_marker_outside_of_the_search_is_accepted(self):
        for kind in (SESSIONS, BACKUPS):
            for at, marker in enumerate(self.made):
                expected = [id for id in self.made[at + 1 :] if int(id) % 3 == 1]
                self.assertEqual(expected, self.project.ids(kind, [{'hold_off': 1}], marker=marker))
                before = [id for id in self.made[:at] if int(id) % 3 != 1]
                self.assertEqual(
                    before[::-1],
                    self.project.ids(kind, [], [{'hold_off': 1}], marker=marker, descending=True),
                )

    def test_unknown_marker_is_refused(self):
        other = self.in_project(f'{self.project.project_id}-2')
        other.new_session('foreign')
        other.put_backup('foreign')
        for kind in (SESSIONS, BACKUPS):
            for marker in ('missing', 'foreign', '0', self.made[0] + '.'):
                for match in ([], [{'hold_off': 1}], [{'_all': 'x'}]):
                    self.assertRaises(
                        exceptions.InvalidInput, self.project.page, kind, match, marker=marker
                    )

    def test_offset_skips_documents(self):
        for kind in (SESSIONS, BACKUPS):
            for offset in (0, 1, 24, 25, 26, 999_999_999):
                page = self.project.page(kind, offset=offset, limit=3)
                self.assertEqual(
                    self.made[offset : offset + 3], [document.id for document in page.documents]
                )
                self.assertEqual(offset + 3 < COUNT, page.more)
            matching = [id for id in self.made if int(id) % 3 == 1]
            self.assertEqual(
                matching[2:5], self.project.ids(kind, [{'hold_off': 1}], offset=2, limit=3)
            )
            self.assertEqual(
                matching[::-1][2:5],
                self.project.ids(kind, [{'hold_off': 1}], offset=2, limit=3, descending=True),
            )
            texts = self.project.ids(kind, [{'_all': ''}], offset=20)
            self.assertEqual(self.made[20:] if kind == SESSIONS else texts, texts)

    def test_a_page_is_of_one_project(self):
        other = self.in_project(f'{self.project.project_id}-2')
        other.new_session(self.made[0], hold_off=1)
        other.put_backup(self.made[0], hold_off=1)
        for kind in (SESSIONS, BACKUPS):
            self.assertEqual(self.made, self.project.ids(kind))
            for match in ([], [{'hold_off': 1}]):
                (page,) = other.page(kind, match).documents
                self.assertEqual(other.project_id, page.project_id)
            self.assertEqual([], self.in_project('nobody').ids(kind))

    def test_documents_of_a_page_are_those_that_get_tells(self):
        self.project.new_job('member', session_id=self.made[5])
        for kind in (SESSIONS, BACKUPS):
            for document in self.project.page(kind).documents:
                self.assertEqual(self.project.get(kind, document.id), document)


class CentralClients:
    """The clients of one's own and the central ones of everybody, where the scope says so."""

    def setUp(self):
        super().setUp()
        self.prefix = bodies.new_id()[:8]
        self.other = self.in_project(f'{self.project.project_id}-2')
        self.seeing = Scope(self.project.project_id, central=True)
        for number, (owner, central) in enumerate(
            (
                (self.other, True),
                (self.project, False),
                (self.other, False),
                (self.other, True),
                (self.project, True),
                (self.project, False),
                (self.other, True),
            )
        ):
            owner.put_client(
                f'{self.prefix}{number}',
                central,
                hostname=f'{self.prefix}',
                description='even' if number % 2 else 'odd',
            )

    def _ids(self, *conditions, **page):
        query = search.parse(
            {'match': [{'hostname': self.prefix}, *conditions]}, CLIENTS, **{'limit': 100, **page}
        )
        return [
            document.id.removeprefix(self.prefix)
            for document in self.storage.find(self.seeing, CLIENTS, query).documents
        ]

    def test_own_and_central_clients_come_in_one_order(self):
        self.assertEqual(list('013456'), self._ids())
        self.assertEqual(list('654310'), self._ids(descending=True))
        self.assertEqual(list('135'), self._ids({'description': 'even'}))
        self.assertEqual(list('0346'), self._ids({'is_central': True}))
        self.assertEqual(list('15'), self._ids({'is_central': False}))
        self.assertEqual(
            list('145'), [id.removeprefix(self.prefix) for id in self.project.ids(CLIENTS)]
        )

    def test_pages_span_own_and_central_clients(self):
        self.assertEqual(list('34'), self._ids(limit=2, offset=2))
        for marker, expected in (('0', '134'), ('4', '56'), ('6', '')):
            self.assertEqual(list(expected), self._ids(marker=f'{self.prefix}{marker}', limit=3))
        self.assertEqual(list('310'), self._ids(marker=f'{self.prefix}4', descending=True))
        self.assertRaises(exceptions.InvalidInput, self._ids, marker=f'{self.prefix}2')

    def test_text_is_found_in_own_and_central_clients(self):
        self.assertEqual(list('135'), self._ids({'_all': 'EVEN'}))
        self.assertEqual(list('046'), self._ids({'_all': 'odd'}))

    def test_own_and_central_clients_are_got_by_id(self):
        for number, seen in enumerate((True, True, False, True, True, True, True)):
            id = f'{self.prefix}{number}'
            if seen:
                self.assertEqual(id, self.storage.get(self.seeing, CLIENTS, id).id)
            else:
                self.assertRaises(exceptions.NotFound, self.storage.get, self.seeing, CLIENTS, id)
        self.assertRaises(exceptions.NotFound, self.project.get, CLIENTS, f'{self.prefix}0')

    def test_own_client_comes_before_a_central_one(self):
        self.project.put_client(f'{self.prefix}0', hostname=self.prefix)
        self.assertEqual(
            self.project.project_id,
            self.storage.get(self.seeing, CLIENTS, f'{self.prefix}0').project_id,
        )
        self.assertEqual(list('134560'), self._ids())
        own, marker, pages = ('hostname', f's{self.prefix}'), None, []
        while len(pages) < 10:
            page = self.storage.find(
                self.seeing, CLIENTS, Query(frozenset((own,)), limit=1, marker=marker)
            )
            pages += [(document.project_id, document.id) for document in page.documents]
            marker = pages[-1][1]
            if not page.more:
                break
        self.assertEqual(list('134560'), [id.removeprefix(self.prefix) for project_id, id in pages])
        self.assertIn((self.project.project_id, f'{self.prefix}0'), pages)

    def test_client_is_seen_elsewhere_only_while_central(self):
        self.other.put_client(f'{self.prefix}2', True, hostname=self.prefix)
        self.other.put_client(f'{self.prefix}3', False, hostname=self.prefix)
        self.assertEqual(list('012456'), self._ids())
        self.assertRaises(
            exceptions.NotFound, self.storage.get, self.seeing, CLIENTS, f'{self.prefix}3'
        )

    def test_other_kinds_have_no_central_ones(self):
        self.other.put_job(
            f'{self.prefix}j', bodies.job_body(f'{self.prefix}j', 'p', _central=True)
        )
        self.assertRaises(
            exceptions.NotFound, self.storage.get, self.seeing, JOBS, f'{self.prefix}j'
        )
        self.assertEqual((), self.storage.find(self.seeing, JOBS, Query()).documents)
