"""Searches: the answers of a driver are those of the table in :mod:`.search_cases`, and those of
``search.matches``.
"""

import dataclasses

from freezer_api.domain import search, search_query
from freezer_api.domain.documents import ACTIONS, BACKUPS, JOBS, SESSIONS
from freezer_api.tests.contract import bodies, search_cases


class Searches:
    def _holds(self, kind, match, match_not, expected):
        query = search.parse({'match': list(match), 'match_not': list(match_not)}, kind, limit=1000)
        documents = self.project.page(kind).documents
        with self.subTest(kind=kind, match=match, match_not=match_not):
            self.assertEqual(list(expected), self.project.ids(kind, match, match_not))
            self.assertEqual(
                list(expected),
                [
                    document.id
                    for document in documents
                    if search_query.matches(query, kind, document.body)
                ],
            )

    def test_searches_find_what_the_table_says(self):
        for scene in search_cases.SCENES:
            self.project = self.in_project(bodies.new_id())
            scene.fill(self.project)
            for asked, expected in scene.searches():
                with self.subTest(kind=scene.kind, search=asked):
                    self.assertEqual(expected, self._ids(self.project.scope, scene.kind, asked))
                    self.assertEqual(
                        expected[::-1],
                        self._ids(self.project.scope, scene.kind, asked, descending=True),
                    )
                    self.assertEqual(
                        expected[1:3],
                        self._ids(self.project.scope, scene.kind, asked, limit=2, offset=1),
                    )
                    if scene.kind == JOBS:
                        self.assertEqual(expected, self._everywhere(asked))

    def _everywhere(self, asked):
        """The jobs of all projects that a search finds, but for those of other tests."""
        scope = dataclasses.replace(self.project.scope, everywhere=True)
        return self._ids(
            scope,
            JOBS,
            {**asked, 'match': [*asked['match'], {'project_id': self.project.project_id}]},
        )

    def _ids(self, scope, kind, asked, **page):
        query = search.parse(asked, kind, **{'limit': 1000, **page})
        return [document.id for document in self.storage.find(scope, kind, query).documents]

    def test_jobs_follow_their_changes(self):
        for status, expected in (('running', 'j'), ('completed', ''), ('completed', ''), ('', 'j')):
            self.project.put_job(
                'j', bodies.job_body('j', self.project.project_id, 'X', schedule={'status': status})
            )
            self._holds(JOBS, [{'client_id': 'X'}], [{'status': 'completed'}], expected)
        self.project.put_job('j', bodies.job_body('j', self.project.project_id, 'Y'))
        self._holds(JOBS, [{'client_id': 'X'}], [{'status': 'completed'}], '')
        self._holds(JOBS, [{'client_id': 'Y'}], [{'status': 'completed'}], 'j')
        self.project.delete_job('j')
        self._holds(JOBS, [{'client_id': 'Y'}], [], '')
        self.project.put_job('j', bodies.job_body('j', self.project.project_id, 'Z'))
        self._holds(JOBS, [{'client_id': 'Y'}], [], '')

    def test_sessions_follow_their_members_and_runs(self):
        for id in 'abc':
            self.project.new_session(id)
        job = self.project.new_job(client_id='member-host', session_id='a')
        for match, expected in (
            ([{'client_id': 'member-host'}], 'a'),
            ([{'_all': 'member-h'}], 'a'),
            ([{'status': 'scheduled'}], ''),
            ([{'status': 'active'}], 'abc'),
        ):
            self._holds(SESSIONS, match, [], expected)
        self.project.start('a', job, 0)
        for match, expected in (
            ([{'status': 'running'}], 'a'),
            ([{'status': 'active'}], 'bc'),
            ([{'session_tag': 1}], 'a'),
            ([{'time_start': self.clock.now // 1_000_000}], 'a'),
            ([{'_all': 'RUNNING'}], 'a'),
        ):
            self._holds(SESSIONS, match, [], expected)
        self.project.delete_job(job)
        self._holds(SESSIONS, [{'client_id': 'member-host'}], [], '')
        self._holds(SESSIONS, [{'status': 'completed'}, {'result': 'fail'}], [], 'a')

    def test_what_a_change_takes_away_is_not_found(self):
        self.project.put_backup('a', s='x', o={'n': 1, 'm': [1, 2]}, k='old text')
        self.project.put_backup('a', s='y', o={'n': 1, 'm': [2]}, k='new text')
        for match, expected in (
            ([{'s': 'x'}], ''),
            ([{'s': 'y'}], 'a'),
            ([{'n': 1}], 'a'),
            ([{'m': 1}], ''),
            ([{'m': 2}], 'a'),
            ([{'_all': 'old'}], ''),
            ([{'_all': 'new'}], 'a'),
        ):
            self._holds(BACKUPS, match, [], expected)
        self.project.write(BACKUPS, 'a', None)
        for match in ([{'s': 'y'}], [{'_all': 'new'}], []):
            self._holds(BACKUPS, match, [], '')

    def test_other_projects_and_kinds_are_not_found(self):
        self.in_project(f'{self.project.project_id}-2').put_backup('a', s='x')
        self.project.put(ACTIONS, 'a', {'s': 'x'})
        for match in ([{'s': 'x'}], [{'_all': 'x'}]):
            self._holds(BACKUPS, match, [], '')

    def test_many_conditions_are_found(self):
        body = {f'k{number}': number for number in range(40)}
        self.project.put_backup('a', **body)
        self.project.put_backup('b', **{**body, 'k7': 'other', 'text': 'some text'})
        wanted = [{key: body[key]} for key in list(body)[: search.MAX_CONDITIONS]]
        self._holds(BACKUPS, wanted, [], 'a')
        self._holds(BACKUPS, wanted[:15], [{key: 'none'} for key in list(body)[:15]], 'a')
        self._holds(BACKUPS, [], [{'_all': f'{number}-'} for number in range(30)], 'ab')
        self._holds(BACKUPS, [{'_all': letter} for letter in 'some text'], [], 'b')
