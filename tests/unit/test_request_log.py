"""The line of a request: texts of callers in it, and when it is written."""

import io
import logging
import typing

import fixtures
import testtools

from freezer_api.middleware import log_texts, request_log

CONTROLS = [chr(number) for number in (*range(32), 127, *range(128, 160), 0x2028, 0x202E, 0xD800)]


def environ(**others: typing.Any) -> dict[str, typing.Any]:
    """What a server makes of a GET."""
    return {
        'REQUEST_METHOD': 'GET',
        'SCRIPT_NAME': '/backup',
        'PATH_INFO': '/v2/alpha/jobs',
        'openstack.request_id': 'req-1',
        **others,
    }


class TestTexts(testtools.TestCase):
    def test_one_line_escapes_what_is_not_printable(self):
        for character in CONTROLS:
            shown = log_texts.one_line(f'a{character}b')
            self.assertTrue(shown.isprintable(), ascii(character))
            shown.encode()
        self.assertEqual('Zürich 備份 "x"', log_texts.one_line('Zürich 備份 "x"'))

    def test_one_line_is_bounded(self):
        self.assertEqual('x' * 10 + '...', log_texts.one_line('x' * 11, 10))

    def test_url_is_percent_encoded(self):
        for path, shown in (
            ('/v2/alpha/jobs', '/backup/v2/alpha/jobs'),
            ('/a b\n\x1b%', '/backup/a%20b%0A%1B%25'),
            ('/\xc3\xbc', '/backup/%C3%BC'),
            ('', '/backup'),
        ):
            self.assertEqual(shown, log_texts.shown_url(environ(PATH_INFO=path)))
        self.assertEqual('/', log_texts.shown_url({'PATH_INFO': ''}))

    def test_url_is_bounded(self):
        url = log_texts.shown_url(environ(PATH_INFO='/' + 'ü' * 5000, QUERY_STRING='x' * 5000))
        self.assertLess(len(url), log_texts.MAX_PATH + log_texts.MAX_QUERY + 10)

    def test_query_shows_what_the_api_knows_and_no_secret(self):
        for query, shown in (
            ('limit=5&marker=a%20b', 'limit=5&marker=a%20b'),
            ('limit=5&token=hidden', 'limit=5&token=***'),
            ('hidden', '***'),
            (
                'search={"match":[{"a":"b"}]}',
                'search=%7B%22match%22:%5B%7B%22a%22:%22b%22%7D%5D%7D',
            ),
            ('search={"match":[{"Password":"hidden"}]}', 'search=***'),
            ('search=%7B%22p%61ssword%22:%22hidden%22%7D', 'search=***'),
            ('sort=a\r\nb', 'sort=a%0D%0Ab'),
        ):
            url = log_texts.shown_url(environ(QUERY_STRING=query))
            self.assertEqual(shown, url.partition('?')[2])

    def test_secret_behind_the_cut_masks_the_search(self):
        query = 'search={"match":[{"a":"hidden' + 'x' * 5000 + '"},{"password":"y"}]}'
        self.assertNotIn('hidden', log_texts.shown_url(environ(QUERY_STRING=query)))

    def test_id_has_no_fields_of_its_own(self):
        self.assertEqual('a%20status%3D200', log_texts.shown_id('a status=200'))
        self.assertEqual('0123-abc.d_e', log_texts.shown_id('0123-abc.d_e'))


class TestLine(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger('freezer_api', level=logging.INFO))

    def call(self, body: typing.Any) -> typing.Any:
        """What the layer makes of an application whose answer has a body."""

        def application(environ, start_response):
            start_response('200 OK', [])
            return body

        return request_log.RequestLog(application)(environ(), lambda *arguments: None)

    def test_list_stays_a_list(self):
        """Servers send one with its length."""
        body = [b'abc', b'de']
        self.assertIs(body, self.call(body))
        self.assertIn('GET /backup/v2/alpha/jobs status=200 bytes=5 ', self.log.output)

    def test_parts_are_counted_until_the_body_is_closed(self):
        body = self.call(part for part in (b'abc', b'de'))
        self.assertEqual([b'abc', b'de'], list(body))
        self.assertEqual('', self.log.output)
        body.close()
        self.assertIn(' bytes=5 ', self.log.output)

    def test_body_closed_early_counts_what_was_read(self):
        body = self.call(part for part in (b'abc', b'de'))
        next(iter(body))
        body.close()
        self.assertIn(' bytes=3 ', self.log.output)

    def test_failing_close_has_a_line(self):
        class Failing(io.BytesIO):
            def close(self):
                super().close()
                raise OSError

        body = self.call(Failing(b'abc'))
        self.assertRaises(OSError, body.close)
        self.assertIn('status=200', self.log.output)

    def test_refusal_of_a_server_has_a_line(self):
        refused = environ(
            REQUEST_METHOD='', PATH_INFO='', SCRIPT_NAME='', HTTP_X_USER_ID='invented'
        )
        request_log.log_refused(refused, '400 Bad Request', 7, 0.5)
        self.assertEqual(
            '- / status=400 bytes=7 seconds=0.5000 project_id=- user_id=- request_id=req-1\n',
            self.log.output,
        )

    def test_nothing_is_made_for_a_line_that_nobody_wants(self):
        self.useFixture(fixtures.FakeLogger('freezer_api', level=logging.WARNING))
        body = iter([b'abc'])
        self.assertIs(body, self.call(body))
