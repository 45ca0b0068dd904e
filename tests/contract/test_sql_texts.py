"""What PyMySQL sends and reads: texts as SQL, with what a server requires escaped; columns, whose
descriptions are kept.
"""

import pymysql

from freezer_api.domain.documents import CLIENTS
from freezer_api.tests.contract import base
from tests.contract import stores

#: Whatever ends a text or means something in it, alone and before what could follow.
TEXTS = [
    *(chr(number) for number in range(256)),
    ''.join(map(chr, range(256))),
    '\\',
    "\\'",
    "'\\",
    "''",
    "\\\\'; DROP TABLE freezer_clients; -- ",
    '%s %% %(a)s',
    '\N{SNOWMAN}\N{GRINNING FACE}',
    '',
]


@stores.on_stores(stores.MariaDB)
class Texts:
    """In each of the modes that tell a server how texts are written."""

    modes = ('', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES', 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES')

    def in_mode(self, mode):
        """A storage whose connections have a mode."""
        database = {**self.options['database'], 'mysql_sql_mode': mode}
        return self.make_storage(base.configured({**self.options, 'database': database}))

    def test_text_comes_back_as_it_was_sent(self):
        for mode in self.modes:
            engine = self.in_mode(mode).database.engines.reader
            with self.subTest(mode=mode), engine.connect() as connection:
                cursor = connection.connection.cursor()
                for text in TEXTS:
                    cursor.execute('SELECT %s, %s', (text, 'behind it'))
                    self.assertEqual((text, 'behind it'), cursor.fetchone())

    def test_columns_are_described_once(self):
        with self.storage.database.engines.reader.connect() as connection:
            cursor = connection.connection.cursor()
            told = []
            for _ in range(2):
                for statement in ("SELECT 1 AS a, 'x' AS b", "SELECT 'y' AS a", 'SELECT NULL AS a'):
                    cursor.execute(statement)
                    columns = [column[:2] for column in cursor.description]
                    told.append((columns, cursor.fetchall(), [*cursor._result.fields]))
        before, after = told[:3], told[3:]
        self.assertEqual(before, after)
        self.assertEqual([((1, 'x'),), (('y',),), ((None,),)], [rows for _, rows, _ in after])
        kinds = [[kind for _, kind in columns] for columns, _, _ in after]
        types = pymysql.constants.FIELD_TYPE
        long, text, null = types.LONG, types.VAR_STRING, types.NULL
        self.assertEqual([[long, text], [text], [null]], kinds)

    def test_text_of_json_is_sent_as_it_is(self):
        """Else its quotes are looked for character by character."""
        with self.storage.database.engines.reader.connect() as connection:
            cursor = connection.connection.cursor()
            self.assertEqual('\'{"a":1}\'', cursor.mogrify('%s', ('{"a":1}',)))

    def test_document_has_the_text_that_it_was_given(self):
        for mode in self.modes:
            with self.subTest(mode=mode):
                project = self.in_project(self.project.project_id, self.in_mode(mode))
                for text in TEXTS[-8:]:
                    project.put_client('c', description=text)
                    found = project.get(CLIENTS, 'c').body['client']
                    self.assertEqual(text, found['description'])
