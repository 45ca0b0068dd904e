"""What a body may be, byte for byte."""

import contextlib
import json
import tracemalloc

import hypothesis
import testtools
from hypothesis import strategies

from freezer_api import exceptions
from freezer_api.controllers import bodies


def nested(depth):
    return ('[' * depth + ']' * depth).encode()


class Refused(testtools.TestCase):
    def assert_invalid(self, raw, text):
        error = self.assertRaises(exceptions.InvalidInput, bodies.parse, raw)
        self.assertIn(text, str(error))

    def test_malformed_json_is_refused(self):
        for raw in (
            b'{',
            b'{"a":}',
            b"{'a': 1}",
            b'{"a": 1} x',
            b'"\n"',
            b'\xff',
            b'"\xc3"',
            b'01',
            b'+1',
            b'nan',
            b'{"a": 1,}',
        ):
            self.assertRaises(exceptions.MalformedBody, bodies.parse, raw)

    def test_message_names_the_position(self):
        error = self.assertRaises(exceptions.MalformedBody, bodies.parse, b'{"a": 1,\n x}')
        self.assertIn('line 2, column 2', str(error))

    def test_nul_is_refused(self):
        for raw in (
            rb'"\u0000"',
            rb'{"a\u0000": 1}',
            rb'{"a": [{"b": "x\u0000"}]}',
            b'{"a": "\0"}',
            b'\0',
        ):
            self.assert_invalid(raw, 'NUL')

    def test_place_of_a_defect_is_named(self):
        for raw, place in (
            (rb'{"a": [1, {"b": "x\u0000"}]}', 'a[1].b: contains the character NUL.'),
            (rb'{"a": {"b\u0000": 1}}', 'a: a key contains the character NUL.'),
            (rb'{"b\ud800": 1}', 'body: a key contains a lone surrogate.'),
            (rb'{"a": ["", "\udfff"]}', 'a[1]: contains a lone surrogate.'),
            (b'{"a": {"b": [NaN]}}', 'a.b[0]: the number NaN is not finite.'),
            (b'[[1, 1e999]]', '[0][1]: the number 1e999 is not finite.'),
            (b'{"a": 1, "b": {"c": 99999999999999999999}}', 'b.c: the integer 99999999999999999'),
            (b'NaN', 'body: the number NaN is not finite.'),
        ):
            error = self.assertRaises(exceptions.InvalidInput, bodies.parse, raw)
            self.assertTrue(str(error).startswith(place), str(error))
        error = self.assertRaises(
            exceptions.InvalidInput, bodies.parse_search, r'{"match": [{"a": "\u0000"}]}'
        )
        self.assertEqual('search.match[0].a: contains the character NUL.', str(error))
        for raw, text in (
            (b'{"a": 99999999999999999999, "a": 1}', 'body: the integer 9999'),
            (b'{"a": [NaN], "a": 1}', 'body: the number NaN is not finite.'),
        ):
            error = self.assertRaises(exceptions.InvalidInput, bodies.parse, raw)
            self.assertTrue(str(error).startswith(text), str(error))
        long = b'{"%s": "\\u0000"}' % (b'k' * 1000)
        error = self.assertRaises(exceptions.InvalidInput, bodies.parse, long)
        self.assertEqual('k' * bodies.LONGEST_PLACE + ': contains the character NUL.', str(error))

    def test_search_for_a_place_takes_no_multiple_of_the_body(self):
        """Not though each of many elements is below a long key."""
        raw = b'{"%s": [%s"\\u0000"]}' % (b'k' * 500_000, b'1, ' * 50_000)
        tracemalloc.start()
        try:
            self.assert_invalid(raw, 'contains the character NUL.')
            self.assertLess(tracemalloc.get_traced_memory()[1], 20 * len(raw))
        finally:
            tracemalloc.stop()

    def test_escaped_backslash_before_u0000_is_accepted(self):
        self.assertEqual('\\u0000', bodies.parse(rb'"\\u0000"'))

    def test_lone_surrogates_are_refused(self):
        for raw in (
            rb'"\ud800"',
            rb'{"\udfff": 1}',
            rb'["\ud800x"]',
            b'"\xed\xa0\x80"',
            rb'"\udc00\ud800"',
        ):
            self.assert_invalid(raw, 'surrogate')
        self.assertEqual('\U0001f600', bodies.parse(rb'"\ud83d\ude00"'))

    def test_numbers_that_are_not_finite_are_refused(self):
        for raw in (b'NaN', b'[Infinity]', b'{"a": -Infinity}', b'1e400', b'-1E999', b'[1.0e+400]'):
            self.assert_invalid(raw, 'not finite')

    def test_integers_beyond_64_bit_are_refused(self):
        for number in (2**64, -(2**63) - 1, 10**25, -(10**400), 10**5000 - 1):
            self.assert_invalid(
                b'{"a": [%s]}'
                % (b'1' + b'0' * 5000 if number > 10**4000 else str(number).encode()),
                '64 bit',
            )

    def test_integers_of_64_bit_are_unchanged(self):
        for number in (2**63 - 1, -(2**63), 2**64 - 1):
            self.assertEqual([number], bodies.parse(b'[%d]' % number))

    def test_long_digits_outside_integers_are_accepted(self):
        digits = b'9' * 30
        for raw in (b'["%s"]', b'["\\"%s"]', b'[0.%s]', b'[%s.5]', b'[%se1]', b'[1e-%s]'):
            with self.subTest(raw):
                self.assertEqual(json.loads(raw % digits), bodies.parse(raw % digits))
        self.assert_invalid(b'{"%s": ["\\\\", %s]}' % (digits, digits), '64 bit')

    def test_nesting_beyond_64_is_refused(self):
        self.assertEqual(json.loads(nested(64)), bodies.parse(nested(64)))
        for depth in (65, 66, 500, 1024, 1025, 5000, 100_000):
            self.assert_invalid(nested(depth), 'nested deeper')
        self.assert_invalid(b'{"a":' * 65 + b'1' + b'}' * 65, 'nested deeper')

    def test_many_brackets_without_nesting_are_accepted(self):
        self.assertEqual([[]] * 500, bodies.parse(b'[' + b','.join([b'[]'] * 500) + b']'))
        self.assertEqual('[' * 500, bodies.parse(b'"' + b'[' * 500 + b'"'))


class Objects(testtools.TestCase):
    def test_empty_body_is_refused(self):
        for raw in (b'', b' \r\n\t'):
            error = self.assertRaises(exceptions.InvalidInput, bodies.parse_object, raw)
            self.assertIn('empty', str(error))

    def test_other_values_than_objects_are_refused(self):
        for raw in (b'[]', b'null', b'1', b'"{}"', b'true'):
            error = self.assertRaises(exceptions.InvalidInput, bodies.parse_object, raw)
            self.assertIn('must be a JSON object', str(error))

    def test_search_error_begins_with_search(self):
        self.assertEqual({'match': []}, bodies.parse_search('{"match": []}'))
        for text in (
            '{',
            '',
            'NaN',
            '{"a": "\0"}',
            r'"\ud800"',
            '18446744073709551616',
            '[' * 65 + ']' * 65,
        ):
            error = self.assertRaises(exceptions.InvalidInput, bodies.parse_search, text)
            self.assertTrue(str(error).startswith('search: '))


class Anything(testtools.TestCase):
    @hypothesis.given(
        strategies.one_of(
            strategies.binary(max_size=200), strategies.text(max_size=200).map(str.encode)
        )
    )
    def test_any_bytes_are_a_value_or_an_expected_error(self, raw):
        with contextlib.suppress(exceptions.FreezerError):
            bodies.parse(raw)

    @hypothesis.given(
        strategies.recursive(
            strategies.none()
            | strategies.booleans()
            | strategies.integers(-(2**63), 2**64 - 1)
            | strategies.floats(allow_nan=False, allow_infinity=False)
            | strategies.text(
                strategies.characters(exclude_categories=['Cs'], exclude_characters='\0')
            ),
            lambda inner: (
                strategies.lists(inner) | strategies.dictionaries(strategies.text('ab'), inner)
            ),
        )
    )
    def test_any_json_value_is_parsed_unchanged(self, value):
        self.assertEqual(value, bodies.parse(json.dumps(value).encode()))
