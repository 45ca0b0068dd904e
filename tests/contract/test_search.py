"""Searches: one table of cases, and random documents and queries; the answers are those of ``search.matches``."""

import string
import unicodedata

import hypothesis
from hypothesis import strategies

from freezer_api.db.base import Scope
from freezer_api.domain import search
from freezer_api.domain.documents import ACTIONS, BACKUPS, CLIENTS, JOBS, SESSIONS
from tests.contract import actors, base

NFC, NFD = unicodedata.normalize('NFC', 'é'), unicodedata.normalize('NFD', 'é')

#: Documents by id, of one project.
DOCUMENTS = {
    'scalars': {'s': 'x', 'n': 50, 'f': 1.5, 't': True, 'z': None, 'e': ''},
    'types': {'s': '50', 'n': 50.0, 'f': -1, 't': 1, 'z': 'None', 'e': None},
    'deep': {'o': {'s': 'x', 'p': {'n': 51, 'only': {'here': True}}}},
    'shadowed': {'s': 'y', 'o': {'s': 'x'}, 'n': {'n': 50}},
    'shadowed by nothing': {'s': [], 'o': {'s': 'x'}},
    'arrays': {'s': ['x', 'y', ['z', None]], 'l': [{'n': 1}, {'n': 2, 'q': [{'r': 3}]}], 'n': []},
    'cases': {'s': 'X', 'S': 'x', 'o.s': 'x'},
    'blanks': {'s': 'x ', 's ': 'x', 'e': ' '},
    'composed': {'s': NFC}, 'decomposed': {'s': NFD},
    'big': {'n': 2**63 - 1, 'f': 2**53 + 1, 'm': -2**63}, 'rounded': {'n': 2.0**63, 'f': float(2**53), 'm': -0.0},
    'long': {'s': 'a' * 999 + 'NEEDLE' + 'x' * 4000, 'n': 1e300}, 'longer': {'s': 'a' * 990 + 'NEEDLE', 'n': 1e-300},
    'signs': {'s': '100%_*\\', 'e': "'; DROP"}, 'sharp': {'s': 'Straße', 'k': 'İstanbul'}, 'nothing': {},
    'upper': {'s': 'STRASSE', 'k': '😀 Ünïcode'}, 'nul': {'s': 'a b', 'e': 'ab'},
}
#: match, match_not, and the ids that it finds
CASES = (
    ([], [], tuple(DOCUMENTS)),
    ([{'s': 'x'}], [], ('scalars', 'deep', 'arrays')),
    ([{'s': 'y'}], [], ('shadowed', 'arrays')), ([{'s': 'z'}], [], ('arrays',)), ([{'s': 'X'}], [], ('cases',)),
    ([{'S': 'x'}], [], ('cases',)), ([{'o.s': 'x'}], [], ('cases',)), ([{'s': 'x '}], [], ('blanks',)),
    ([{'s ': 'x'}], [], ('blanks',)),
    ([{'e': ''}], [], ('scalars',)), ([{'e': ' '}], [], ('blanks',)), ([{'e': None}], [], ('types',)),
    ([{'s': NFC}], [], ('composed',)), ([{'s': NFD}], [], ('decomposed',)),
    ([{'n': 50}], [], ('scalars', 'types')), ([{'n': 50.0}], [], ('scalars', 'types')), ([{'n': '50'}], [], ()),
    ([{'s': 50}], [], ()),
    ([{'n': True}], [], ()), ([{'t': True}], [], ('scalars',)), ([{'t': 1}], [], ('types',)), ([{'t': 'True'}], [], ()),
    ([{'z': None}], [], ('scalars',)), ([{'z': 'None'}], [], ('types',)), ([{'z': ''}], [], ()), ([{'missing': None}], [], ()),
    ([{'f': 1.5}], [], ('scalars',)), ([{'f': -1.0}], [], ('types',)), ([{'n': 51}], [], ('deep',)),
    ([{'here': True}], [], ('deep',)),
    ([{'only': None}], [], ()), ([{'n': 1}], [], ()), ([{'q': None}], [], ()), ([{'r': 3}], [], ('arrays',)),
    ([{'n': 2**63 - 1}], [], ('big',)), ([{'n': 2.0**63}], [], ('rounded',)), ([{'f': 2**53}], [], ('rounded',)),
    ([{'f': 2**53 + 1}], [], ('big',)), ([{'m': 0}], [], ('rounded',)), ([{'m': -2**63}], [], ('big',)),
    ([{'n': 1e300}], [], ('long',)),
    ([{'n': 1e-300}], [], ('longer',)), ([{'s': 'a' * 990 + 'NEEDLE'}], [], ('longer',)), ([{'s': 'a' * 990}], [], ()),
    ([{'s': 'x'}, {'n': 50}], [], ('scalars',)), ([{'s': 'x'}, {'s': 'y'}], [], ('arrays',)), ([{'s': 'x'}, {'s': 'X'}], [], ()),
    ([{'s': 'x'}], [{'n': 50}], ('deep', 'arrays')), ([{'s': 'x'}], [{'n': 50}, {'n': 51}], ('arrays',)),
    ([{'s': 'x'}], [{'s': 'x'}], ()), ([{'n': 50}], [{'z': None}, {'missing': None}], ('types',)),
    ([], [{'s': 'x'}, {'s': 'y'}, {'n': 50}],
     tuple(id for id in DOCUMENTS if id not in ('scalars', 'types', 'deep', 'shadowed', 'arrays'))),
    ([{'_all': 'needle'}], [], ('longer',)), ([{'_all': 'NEEDL'}], [], ('longer',)), ([{'_all': '100%'}], [], ('signs',)),
    ([{'_all': '%'}], [], ('signs',)), ([{'_all': '_'}], [], ('signs',)), ([{'_all': '*'}], [], ('signs',)),
    ([{'_all': '\\'}], [], ('signs',)),
    ([{'_all': "'; drop"}], [], ('signs',)), ([{'_all': 'strasse'}], [], ('sharp', 'upper')),
    ([{'_all': 'ß'}], [], ('sharp', 'upper')),
    ([{'_all': '😀 ü'}], [], ('upper',)), ([{'_all': 'i\u0307STANBUL'}], [], ('sharp',)),
    ([{'_all': NFC.upper()}], [], ('composed',)),
    ([{'_all': '50'}], [], ('types',)), ([{'_all': 'none'}], [], ('types',)), ([{'_all': 'a b'}], [], ('nul',)),
    ([{'_all': 'bab'}], [], ()),
    ([{'_all': 'strasse'}, {'_all': 'ünï'}], [], ('upper',)), ([{'_all': 'strasse'}], [{'_all': 'ünï'}], ('sharp',)),
    ([{'_all': ''}], [], tuple(DOCUMENTS)), ([], [{'_all': ''}], ()), ([{'_all': '[]'}], [], ()),
    ([], [{'_all': '[]'}], tuple(DOCUMENTS)),
    ([{'_all': '[{"s": "x"}, {"n": 50}]'}], [], ('scalars',)), ([{'_all': '[{"s": "x"}]'}, {'n': 51}], [], ('deep',)),
    ([{'s': 'x'}], [{'_all': '[{"n": 51}, {"n": 50}]'}], ('arrays',)),
    ([{'s': 'y'}, {'_all': 'Y'}], [{'_all': 'z'}], ('shadowed',)),
    ([], [{'_all': 'a'}, {'_all': 'x'}], ('types', 'composed', 'decomposed', 'big', 'rounded', 'signs', 'nothing')),
)
#: job_schedule and match, match_not, of the jobs 'a' …, on client X
POLLS = (
    ([{'client_id': 'X'}], [{'status': 'completed'}], 'bcde'), ([{'client_id': 'X'}], [], 'abcde'), ([{'client_id': 'x'}], [], 'f'),
    ([{'client_id': 'X'}, {'status': 'completed'}], [], 'a'), ([], [{'status': 'completed'}], 'bcdef'),
    ([{'client_id': 'X'}], [{'status': 'completed'}, {'status': 'running'}], 'bde'),
    ([{'client_id': 'X'}, {'event': 'stop'}], [{'status': 'completed'}], 'd'),
    ([{'client_id': 'X'}], [{'status': 'Completed'}], 'abcd'),
    ([{'client_id': 'X'}, {'client_id': 'x'}], [{'status': 'completed'}], ''), ([{'current_pid': 5}], [], ''),
    ([{'client_id': 'X'}, {'_all': 'STOP'}], [{'status': 'completed'}], 'd'), ([{'trust_id': 't'}], [], ''),
    ([{'_central': True}], [], ''),
    ([{'_all': '[{"client_id": "X"}]'}], [{'_all': '[{"status": "completed"}]'}], 'bcde'), ([{'client_id': 'osX'}], [], ''),
)
JOB_SCHEDULES = {'a': {'status': 'completed'}, 'b': {}, 'c': {'status': 'running'}, 'd': {'event': 'stop', 'current_pid': 5},
                 'e': {'status': 'Completed'}}


@base.on_every_database()
class Searches:

    def _holds(self, kind, match, match_not, expected):
        query = search.parse({'match': list(match), 'match_not': list(match_not)}, limit=1000)
        documents = self.actor.page(kind).documents
        with self.subTest(kind=kind, match=match, match_not=match_not):
            self.assertEqual(list(expected), self.actor.ids(kind, match, match_not))
            self.assertEqual(list(expected), [document.id for document in documents if search.matches(query, kind, document.body)])

    def test_table(self):
        for kind in (BACKUPS, ACTIONS):
            for id, body in DOCUMENTS.items():
                self.actor.put(kind, id, body)
            for case in CASES:
                self._holds(kind, *case)

    def test_jobs(self):
        for id, schedule in JOB_SCHEDULES.items():
            self.actor.put_job(id, actors.job_body(id, self.actor.project_id, 'X', schedule=schedule,
                                                   user_credentials={'trust_id': 't'}))
        self.actor.put_job('f', actors.job_body('f', self.actor.project_id, 'x', _central=True))
        for case in POLLS:
            self._holds(JOBS, *case)

    def test_jobs_follow_their_changes(self):
        for status, expected in (('running', 'j'), ('completed', ''), ('completed', ''), ('', 'j')):
            self.actor.put_job('j', actors.job_body('j', self.actor.project_id, 'X', schedule={'status': status}))
            self._holds(JOBS, [{'client_id': 'X'}], [{'status': 'completed'}], expected)
        self.actor.put_job('j', actors.job_body('j', self.actor.project_id, 'Y'))
        self._holds(JOBS, [{'client_id': 'X'}], [{'status': 'completed'}], '')
        self._holds(JOBS, [{'client_id': 'Y'}], [{'status': 'completed'}], 'j')
        self.actor.delete_job('j')
        self._holds(JOBS, [{'client_id': 'Y'}], [], '')
        self.actor.put_job('j', actors.job_body('j', self.actor.project_id, 'Z'))
        self._holds(JOBS, [{'client_id': 'Y'}], [], '')

    def test_sessions(self):
        for id, hold_off in (('a', 50), ('b', 50), ('c', 30)):
            self.actor.new_session(id, hold_off=hold_off, description=f'About {id}',
                                   schedule={'schedule_interval': f'{hold_off} days'})
        self.actor.put_session('b', hold_off=50, schedule={'schedule_interval': '10 days'})
        job = self.actor.new_job(client_id='member-host', session_id='a')
        for match, match_not, expected in (
                ([{'hold_off': 50}], [{'schedule_interval': '10 days'}], 'a'), ([{'schedule_interval': '30 days'}], [], 'c'),
                ([{'status': 'active'}], [], 'abc'), ([{'session_tag': 0}], [{'hold_off': 30}], 'ab'),
                ([{'client_id': 'member-host'}], [], 'a'),
                ([{'_all': 'ABOUT'}], [], 'ac'), ([{'_all': 'member-h'}], [], 'a'), ([{'status': 'scheduled'}], [], ''),
                ([{'_version': 1}], [], ''),
                ([{'time_start': -1}], [], 'abc'), ([{'project_id': self.actor.project_id}, {'session_id': 'b'}], [], 'b')):
            self._holds(SESSIONS, match, match_not, expected)
        self.actor.start('a', job, 0)
        for match, expected in (([{'status': 'running'}], 'a'), ([{'status': 'active'}], 'bc'), ([{'session_tag': 1}], 'a'),
                                ([{'time_start': self.clock.now // 1_000_000}], 'a'), ([{'_all': 'RUNNING'}], 'a')):
            self._holds(SESSIONS, match, [], expected)
        self.actor.delete_job(job)
        self._holds(SESSIONS, [{'client_id': 'member-host'}], [], '')
        self._holds(SESSIONS, [{'status': 'completed'}, {'result': 'fail'}], [], 'a')

    def test_what_a_change_takes_away_is_not_found(self):
        self.actor.put(BACKUPS, 'a', {'s': 'x', 'o': {'n': 1, 'm': [1, 2]}, 'k': 'old text'})
        self.actor.put(BACKUPS, 'a', {'s': 'y', 'o': {'n': 1, 'm': [2]}, 'k': 'new text'})
        for match, expected in (([{'s': 'x'}], ''), ([{'s': 'y'}], 'a'), ([{'n': 1}], 'a'), ([{'m': 1}], ''), ([{'m': 2}], 'a'),
                                ([{'_all': 'old'}], ''), ([{'_all': 'new'}], 'a')):
            self._holds(BACKUPS, match, [], expected)
        self.actor.write(BACKUPS, 'a', None)
        for match in ([{'s': 'y'}], [{'_all': 'new'}], []):
            self._holds(BACKUPS, match, [], '')

    def test_other_projects_and_kinds_are_not_found(self):
        self.actor_in(f'{self.actor.project_id}-2').put(BACKUPS, 'a', {'s': 'x'})
        self.actor.put(ACTIONS, 'a', {'s': 'x'})
        for match in ([{'s': 'x'}], [{'_all': 'x'}]):
            self._holds(BACKUPS, match, [], '')

    def test_many_conditions(self):
        body = {f'k{number}': number for number in range(40)}
        self.actor.put(BACKUPS, 'a', body)
        self.actor.put(BACKUPS, 'b', {**body, 'k7': 'other', 'text': 'some text'})
        wanted = [{key: body[key]} for key in list(body)[:search.MAX_CONDITIONS]]
        self._holds(BACKUPS, wanted, [], 'a')
        self._holds(BACKUPS, wanted[:15], [{key: 'none'} for key in list(body)[:15]], 'a')
        self._holds(BACKUPS, [], [{'_all': f'{number}-'} for number in range(30)], 'ab')
        self._holds(BACKUPS, [{'_all': letter} for letter in 'some text'], [], 'b')


# Few keys and values, so that they meet; among them what careless comparisons confuse.
KEYS = strategies.sampled_from(['a', 'A', 'a ', 'b', 'c', 'a.b', NFC, NFD, ''])
TEXTS = strategies.sampled_from(['', ' ', 'a', 'A', 'a ', 'b', NFC, NFD, NFC.upper(), 'ß', 'SS', '1', 'true', 'null', '%', '_',
                                 'ab', 'İ', '😀'])
LOOSE = strategies.text(strategies.characters(exclude_categories=('Cs',), exclude_characters='\0'), max_size=6)
NUMBERS = strategies.sampled_from([0, 1, -1, 2, 0.0, 1.0, -0.0, 0.5, 2**53, float(2**53), 2**53 + 1, 1e300, 2**63 - 1, -2**63])
SCALARS = TEXTS | NUMBERS | strategies.booleans() | strategies.none() | LOOSE
VALUES = strategies.recursive(SCALARS,
                              lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(KEYS, inner, max_size=3),
                              max_leaves=8)
BODIES = strategies.dictionaries(KEYS, VALUES, max_size=4)


@strategies.composite
def worlds(draw):
    """Some documents, and queries that are built from what is in them and things alike."""
    bodies = draw(strategies.lists(BODIES, min_size=1, max_size=5))
    present = sorted({pair for body in bodies for pair in search.offers(BACKUPS, body)})
    strings = [text for body in bodies for text in base.texts(body)]
    pairs = strategies.tuples(KEYS, SCALARS.map(search.canonical))
    if present:
        pairs = strategies.sampled_from(present) | pairs
    needles = TEXTS | LOOSE
    if strings:
        parts = strategies.tuples(strategies.sampled_from(strings), strategies.integers(0, 3), strategies.integers(1, 6))
        needles |= parts.map(lambda part: part[0][part[1]:part[1] + part[2]].swapcase())
    texts = strategies.frozensets(needles.map(str.casefold), max_size=1)
    some = strategies.frozensets(pairs, max_size=2)
    queries = strategies.builds(search.Query, pairs=some, not_pairs=some, texts=texts, not_texts=texts,
                                descending=strategies.booleans())
    return bodies, draw(strategies.lists(queries, min_size=4, max_size=8))


@base.on_every_database()
class RandomSearches:

    @hypothesis.given(worlds())
    def test_a_driver_answers_what_matches_says(self, world):
        bodies, queries = world
        actor = self.actor_in(actors.new_id())
        ids = string.ascii_lowercase[:len(bodies)]
        for id, body in zip(ids, bodies):
            # Written twice, for what a change leaves in an index counts too.
            actor.put(BACKUPS, id, bodies[0])
            actor.put(BACKUPS, id, body)
        for query in queries:
            expected = [id for id, body in zip(ids, bodies) if search.matches(query, BACKUPS, body)]
            found = [document.id for document in self.storage.find(actor.scope, BACKUPS, query).documents]
            self.assertEqual(expected[::-1] if query.descending else expected, found, query)

    @hypothesis.given(strategies.lists(strategies.tuples(strategies.booleans(), strategies.booleans(), TEXTS), min_size=1,
                                       max_size=8),
                      strategies.frozensets(strategies.tuples(strategies.just('description'), TEXTS.map(search.canonical)),
                                            max_size=1),
                      strategies.frozensets(TEXTS.map(str.casefold), max_size=1), strategies.booleans(), strategies.integers(0, 3))
    def test_own_and_central_clients(self, clients, pairs, texts, descending, offset):
        own, other = self.actor_in(actors.new_id()), self.actor_in(actors.new_id())
        # A hostname of this example's own keeps the central clients of other examples out.
        mark = ('hostname', search.canonical(own.project_id))
        visible = []
        for mine, central, text in clients:
            id = actors.new_id()
            document = (own if mine else other).put_client(id, central, hostname=own.project_id, description=text)
            visible += [document] if mine or central else []
        query = search.Query(pairs | {mark}, frozenset(), texts, frozenset(), limit=1000, descending=descending, offset=offset)
        expected = [document for document in visible if search.matches(query, CLIENTS, document.body)]
        found = self.storage.find(Scope(own.project_id, central=True), CLIENTS, query).documents
        self.assertEqual((expected[::-1] if descending else expected)[offset:], list(found))
