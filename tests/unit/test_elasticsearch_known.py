"""What a process knows of the fields by which documents are found."""

import testtools

from freezer_api.db.elasticsearch.search import known

KEY, DIGEST = ('jobs', 'p/j'), [1, 'a']


def fields(letters: int = 1):
    """Fields of a document with so long a text."""
    return {'terms': ['t'], 'grams': [], 'text': 'x' * letters}


class TestKnownFields(testtools.TestCase):
    def test_fields_of_the_same_digest_are_known(self):
        kept = known.KnownFields()
        kept.put(KEY, DIGEST, fields())
        self.assertEqual(fields(), kept.get(KEY, DIGEST))

    def test_fields_of_another_digest_are_not_known(self):
        kept = known.KnownFields()
        kept.put(KEY, DIGEST, fields())
        self.assertIsNone(kept.get(KEY, [1, 'b']))
        self.assertIsNone(kept.get(KEY, [2, 'a']))

    def test_fields_of_another_document_are_not_known(self):
        kept = known.KnownFields()
        kept.put(KEY, DIGEST, fields())
        self.assertIsNone(kept.get(('jobs', 'p/k'), DIGEST))

    def test_later_fields_of_a_document_replace_earlier_ones(self):
        kept = known.KnownFields()
        kept.put(KEY, DIGEST, fields())
        kept.put(KEY, [1, 'b'], fields(2))
        self.assertIsNone(kept.get(KEY, DIGEST))
        self.assertEqual(fields(2), kept.get(KEY, [1, 'b']))

    def test_fields_not_needed_for_longest_are_forgotten(self):
        """There are no more than so many bytes of them, however many documents there are."""
        kept = known.KnownFields(max_bytes=3_000)
        keys = [('jobs', f'p/{number}') for number in range(3)]
        for key in keys[:2]:
            kept.put(key, DIGEST, fields(1_000))
        kept.get(keys[0], DIGEST)
        kept.put(keys[2], DIGEST, fields(1_000))
        self.assertEqual([True, False, True], [kept.get(key, DIGEST) is not None for key in keys])

    def test_fields_larger_than_all_room_are_not_kept(self):
        kept = known.KnownFields(max_bytes=100)
        kept.put(KEY, DIGEST, fields(1_000))
        self.assertIsNone(kept.get(KEY, DIGEST))
