"""What the SQL driver keeps of sessions to show them: it is used where it is of the very state that
is there, and nowhere else.
"""

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.sessions import shown_texts
from freezer_api.domain import documents
from freezer_api.domain.documents import SESSIONS, Rendered
from freezer_api.tests.contract.derived import Stores
from tests.contract import costs, stores

_table = models.sessions


class Kept:
    """Reads and writes the column behind the driver's back."""

    def kept(self, id: str) -> str | None:
        """The column of a session."""
        statement = sqlalchemy.select(_table.c.shown).where(*self._is(id))
        return self.one.database.read(lambda connection: connection.execute(statement).scalar_one())

    def keep(self, id: str, text: str | None, **columns) -> None:
        """Write the column, and others."""
        statement = sqlalchemy.update(_table).where(*self._is(id))
        self.one.database.write(
            lambda connection: connection.execute(statement.values(shown=text, **columns))
        )

    def _is(self, id):
        return _table.c.project == self.project.project_id, _table.c.id == id


@stores.on_stores(*stores.SQL_STORES)
class Showing(Kept, costs.Cost):
    """Sessions ``a`` and ``b`` with a member each."""

    alone = True

    def setUp(self):
        super().setUp()
        self.project = self.in_project(self.project.project_id, self.one)
        for id in ('a', 'b'):
            self.project.put_session(id, description=f'é{id}', hold_off=60)
            self.project.new_job(f'job-{id}', session_id=id)

    def read(self, id):
        return self.project.get(SESSIONS, id)

    def page(self):
        return self.project.page(SESSIONS).documents

    def is_rendered(self) -> list[bool]:
        """Whether what is shown of ``a``, and of the page, is what was kept."""
        return [isinstance(each, Rendered) for each in (self.read('a'), *self.page())]

    def test_kept_text_is_what_is_put_together_without_it(self):
        self.project.start('a', 'job-a', 0)
        self.project.end('b', 'job-b', 0)
        self.assertEqual([True] * 3, self.is_rendered())
        shown = [self.read('a'), self.read('b')]
        self.assertEqual(shown, list(self.page()))
        for id in ('a', 'b'):
            self.keep(id, None)
        self.assertEqual([False] * 3, self.is_rendered())
        self.assertEqual(shown, [self.read('a'), self.read('b')])
        self.assertEqual(shown, list(self.page()))
        self.assertEqual([list(each.body) for each in shown], [list(x.body) for x in self.page()])

    def test_kept_text_takes_one_statement(self):
        self.assertEqual(1, self.count(lambda: self.read('a')))
        self.assertEqual(1, self.count(self.page))

    def test_text_of_another_version_is_ignored(self):
        """As a release leaves it that doesn't know the column."""
        old = self.kept('a')
        self.project.patch_session('a', description='new')
        self.keep('a', old)
        self.assertEqual('new', self.read('a').body['description'])
        self.assertEqual(['new', 'éb'], [each.body['description'] for each in self.page()])

    def test_text_of_another_format_is_ignored(self):
        text = self.kept('a')
        for other in (f'2{text[1:]}', '', '1', text.partition(' {')[0], '1 x'):
            with self.subTest(text=other):
                self.keep('a', other)
                self.assertEqual([False, False, False], self.is_rendered())
                self.assertEqual('éa', self.read('a').body['description'])

    def test_member_that_joins_is_in_the_text(self):
        self.project.new_job('another', session_id='a')
        self.assertEqual([True] * 3, self.is_rendered())
        self.assertEqual(['another', 'job-a'], list(self.read('a').body['jobs']))
        self.project.detach('a', 'job-a')
        self.assertEqual(['another'], list(self.page()[0].body['jobs']))

    def test_lapsed_run_is_settled_before_it_is_shown(self):
        """Whatever is kept beside the text of when it lapses."""
        for settle_at in (None, 1):
            for read in (lambda: self.read('a'), lambda: self.page()[0]):
                with self.subTest(settle_at=settle_at):
                    tag = self.read('a').body['session_tag']
                    self.project.new_job(f'late-{tag}-{settle_at}', session_id='a')
                    self.project.start('a', 'job-a', tag)
                    self.project.end('a', 'job-a', tag + 1)
                    self.assertEqual('running', read().body['status'])
                    self.keep('a', self.kept('a'), settle_at=settle_at)
                    self.clock.advance(61)
                    self.assertEqual('completed', read().body['status'])
                    self.assertEqual([True] * 3, self.is_rendered())

    def test_long_session_is_shown_without_a_text(self):
        """One with many members, or with a long description; no further statement grows with it."""
        few = shown_texts.MAX_LENGTH // 200
        for number in range(2 * few):
            self.project.new_job(f'many-{number}', session_id='a')
        self.project.patch_session('b', description='x' * shown_texts.MAX_LENGTH)
        self.assertEqual([None, None], [self.kept('a'), self.kept('b')])
        self.assertEqual(2 * few + 1, len(self.read('a').body['jobs']))
        self.assertEqual([False] * 3, self.is_rendered())
        self.assertEqual(2, self.count(lambda: self.read('a')))
        self.assertEqual(2, self.count(self.page))

    def test_page_is_no_larger_than_its_bound(self):
        self.one.max_response_size = 2 * shown_texts.MAX_BYTES - 1
        self.assertEqual([True] * 3, self.is_rendered())
        size = sum(documents.size(each.body) for each in self.page())
        self.one.max_response_size = size
        self.assertEqual([True] * 3, self.is_rendered())
        self.one.max_response_size = size - 1
        self.assertRaises(exceptions.InvalidInput, self.page)


@stores.on_stores(*stores.SQL_STORES)
class KeptTexts(Kept, Stores):
    """What ``db verify`` and ``db reindex`` make of the texts."""

    def setUp(self):
        super().setUp()
        self.one = self.own

    def test_wrong_text_of_its_version_is_told_and_mended(self):
        text = self.kept('s')
        self.keep('s', text.replace('"hold_off"', '"hold-off"'))
        self.mended((SESSIONS, 'p', 's'))
        self.assertEqual(text, self.kept('s'))

    def test_missing_text_is_no_fault_and_is_filled_in(self):
        text = self.kept('s')
        form, version, rest = text.split(' ', 2)
        old = f'{form} {int(version) - 1} {rest}'
        for missing in (None, old):
            with self.subTest(text=missing):
                self.keep('s', missing)
                self.assertEqual(set(), self.drifts())
                self.assertEqual(set(), self.drifts(self.own.reindex))
                self.assertEqual(missing, self.kept('s'))
                self.assertEqual(set(), self.drifts(self.own.reindex, thorough=True))
                self.assertEqual(text, self.kept('s'))
