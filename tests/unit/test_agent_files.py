"""What an agent makes of a definition: never anything else than the service has checked."""

import configparser
import tempfile
import typing
import unittest

import hypothesis
from hypothesis import strategies

import tests.base  # noqa: F401
from freezer_api import exceptions
from freezer_api.domain import definitions
from freezer_api.schemas import actions as schemas

#: The keys by which the service judges a definition, and the one that gives rights.
JUDGED = (*definitions.CHOICES, *definitions.ALIASES, definitions.TRUST)
#: How keys and values can be spelt that an agent takes for others.
WORDS = strategies.sampled_from(
    [*JUDGED, 'path_to_backup', 'Path-To-Backup', 'path_to_bac\u212aup', 'x', 'İ', 'Σ']
)
TWISTS = strategies.sampled_from(
    [
        str.upper,
        str.title,
        str.swapcase,
        lambda word: word.replace('_', '-'),
        lambda word: f' {word}',
        lambda word: f'{word}\u2003',
        lambda word: f'[{word}',
        lambda word: f'[{word}]',
        lambda word: f'#{word}',
        lambda word: f';{word}',
        lambda word: f'{word}:',
        lambda word: f'{word}=',
        lambda word: f'x\n{word}',
        lambda word: f'x\r{word}',
        lambda word: f'\x85{word}',
        lambda word: word,
    ]
)
KEYS = strategies.one_of(
    strategies.builds(lambda word, twist: twist(word), WORDS, TWISTS),
    strategies.text(
        strategies.characters(exclude_categories=['Cs'], exclude_characters='\0'), max_size=8
    ),
)
LINES = strategies.builds(
    lambda end, word, more: f'a{end}{word} = nova{more}',
    strategies.sampled_from(
        ['\r', '\n', '\r\n', '\n\r', '\n\n', '\r\r\n', '\x0b', '\x85', '\u2028']
    ),
    WORDS,
    strategies.sampled_from(['', '\r', '\n[x]', '\n#']),
)
VALUES = strategies.one_of(
    LINES,
    strategies.none(),
    strategies.integers(),
    strategies.booleans(),
    strategies.lists(LINES, max_size=2),
    strategies.text(
        strategies.characters(exclude_categories=['Cs'], exclude_characters='\0%'), max_size=8
    ),
)
DEFINITIONS = strategies.builds(
    lambda known, more: {**known, **more},
    strategies.fixed_dictionaries(
        {'action': strategies.just('backup')},
        optional={
            'mode': strategies.sampled_from(['fs', None]),
            'storage': strategies.just('s3'),
            'engine_name': strategies.just('tar'),
        },
    ),
    strategies.dictionaries(KEYS, VALUES, min_size=1, max_size=2),
)


def as_read(definition: dict[str, typing.Any]) -> dict[str, str]:
    """The options that an agent has of a definition, as the published one writes and reads it."""
    written = configparser.ConfigParser()
    written.add_section('action')
    for key, value in definition.items():
        if value is not None:
            written.set('action', key, str(value))
    with tempfile.NamedTemporaryFile('w', encoding='utf-8') as file:
        written.write(file)
        file.flush()
        read = configparser.ConfigParser()
        read.read([file.name], encoding='utf-8')
    return {
        option.replace('-', '_'): read.get(section, option)
        for section in read.sections()
        for option in read.options(section)
    }


class AgentFiles(unittest.TestCase):
    @hypothesis.settings(max_examples=600)
    @hypothesis.given(DEFINITIONS)
    def test_agent_reads_the_keys_that_were_checked(self, definition):
        try:
            definition = schemas.action({'freezer_action': definition})['freezer_action']
            definitions.check_keys(definition, 'freezer_action')
        except exceptions.InvalidInput:
            return
        told = {key: str(value) for key, value in definition.items() if value is not None}
        read = as_read(definition)
        self.assertEqual(
            {key: told[key] for key in JUDGED if key in told},
            {key: read[key] for key in JUDGED if key in read},
        )
        self.assertEqual(len(told), len(read))

    def test_keys_that_agents_misread_are_refused(self):
        """These are what agents do; each shows why it is refused."""
        for definition in (
            {'mode': 'fs', 'MODE': 'nova'},
            {'mode': 'fs', 'Mode': 'nova'},
            {'engine_name': 'tar', 'engine-name': 'nova'},
            {'Action': 'exec'},
            {'os-trust-id': 't'},
            {'OS_Trust_Id': 't'},
            {' mode': 'nova'},
            {'mode\u2003': 'nova'},
            {'x': 'a\rmode = nova'},
            {'[x]': 'a\nmode = nova'},
            {'#x': 'a\nmode = nova'},
            {';x': 'a\nmode = nova'},
            {'mode = nova\n\ty': 1},
            {'mode: nova': 1},
        ):
            with self.subTest(definition), self.assertRaises(exceptions.InvalidInput):
                honest = {key: str(value) for key, value in definition.items() if key in JUDGED}
                read = as_read(definition)
                self.assertNotEqual(honest, {key: read[key] for key in JUDGED if key in read})
                definitions.check_keys(definition, 'freezer_action')

    def test_refused_key_is_named_with_its_fault(self):
        place = 'job_actions[1].freezer_action'
        for definition, complaint in (
            ({'engine-name': 'tar'}, '.engine-name: must be spelt engine_name.'),
            ({'MODE': None}, '.MODE: must be spelt mode.'),
            ({'OS-Trust-Id': 't'}, '.OS-Trust-Id: must be spelt os_trust_id.'),
            (
                {'path_to_backup': '/', 'Path-To-Backup': '/'},
                '.Path-To-Backup: is the same key as path_to_backup for agents.',
            ),
            (
                {'bac\u212aup': 1, 'backup': 1},
                '.backup: is the same key as bac\u212aup for agents.',
            ),
            ({'x': 'a\rb'}, '.x: must not contain a carriage return without a line feed.'),
            *(
                ({key: 1}, f'.{key}: agents cannot read this key; keys must not ')
                for key in (
                    '',
                    'a=b',
                    'a:b',
                    'a\tb',
                    '\x7f',
                    'a\x85',
                    ' a',
                    'a ',
                    '[a',
                    '#a',
                    ';a',
                    '\n',
                )
            ),
        ):
            with self.subTest(definition), self.assertRaises(exceptions.InvalidInput) as caught:
                definitions.check_keys(definition, place)
            self.assertEqual(place + complaint, caught.exception.message[: len(place + complaint)])

    def test_well_formed_keys_are_accepted(self):
        definitions.check_keys(
            {
                'action': 'backup',
                'mode': 'fs',
                'engine_name': 'tar',
                'os_trust_id': 't',
                'Path-To-Backup': '/a b',
                'x y': 1,
                '%': 2,
                'ключ': 'a\nb\r\nc',
                'lvm-srcvol': None,
                'restore_abs_path': ['\r'],
            },
            '',
        )
