"""The simulated fleet of ``benchmarks.fleet``, small, at a real server: what it does, and that its
proof notices what is lost.
"""

import asyncio
import tempfile
import threading
import unittest
import wsgiref.simple_server

from benchmarks.comparison import served_here
from benchmarks.fleet import agents, data, proof

from freezer_api.services import backups, sessions

MEMBERS = 4


class _Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


class Fleet(unittest.TestCase):
    """Nine agents at a server on SQLite: two sessions of four members have runs."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.storage = served_here.open_storage(f'sqlite:///{folder.name}/fleet.sqlite')
        self.addCleanup(self.storage.close)
        self.storage.sync()
        self.fleet = data.fill(self.storage, 2 * MEMBERS + 1, MEMBERS)
        self.agents = agents.Agents(self.serve(), self.fleet.agents, work=0)

    def serve(self):
        """Serve the application; its port."""
        server = wsgiref.simple_server.make_server(
            '127.0.0.1', 0, served_here.build(self.storage), handler_class=_Quiet
        )
        self.addCleanup(server.server_close)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return server.server_port

    def live(self):
        """Have runs of both sessions; what was seen."""
        runs = agents.Runs(every=0, spread=0)
        return asyncio.run(self.agents.live(0, self.fleet.teams, runs))

    def test_fill_agrees_with_what_is_derived(self):
        self.assertEqual(0, proof.drifts(self.storage))

    def test_poll_finds_the_jobs_of_an_agent(self):
        async def poll():
            return await self.agents.poll(0)

        answer = asyncio.run(poll())
        self.assertEqual(200, answer.status)
        found = answer.body['jobs']
        self.assertEqual(data.JOBS_EACH, len(found))
        self.assertEqual({self.fleet.agents[0].client_id}, {job['client_id'] for job in found})

    def test_run_completes_with_success(self):
        seen = self.live()
        self.assertEqual({}, dict(seen.failures))
        for team in self.fleet.teams:
            session = sessions.show(self.storage, data.CALLER, team.session_id).body
            self.assertEqual('completed', session['status'])
            self.assertEqual('success', session['result'])
            self.assertEqual(MEMBERS, len(session['jobs']))

    def test_proof_counts_all_that_was_acknowledged(self):
        seen = self.live()
        expected, lost = proof.missing(self.storage, seen.acknowledged)
        members = 2 * MEMBERS
        self.assertEqual(members, expected['start'])
        self.assertEqual(3 * members, expected['report'])
        self.assertEqual(members, expected['backup'])
        self.assertEqual(members, expected['end'])
        self.assertEqual({}, dict(lost))

    def test_proof_notices_a_lost_backup(self):
        seen = self.live()
        backup_id = seen.acknowledged[0].backup_id
        backups.delete(self.storage, data.CALLER, backup_id)
        _expected, lost = proof.missing(self.storage, seen.acknowledged)
        self.assertEqual({'backup': 1}, dict(lost))

    def test_proof_notices_a_start_that_nobody_stored(self):
        member = agents.Acknowledged(
            self.fleet.teams[0].session_id, self.fleet.agents[0], tag=1, ended=True
        )
        expected, lost = proof.missing(self.storage, [member])
        self.assertEqual({'start': 1, 'end': 1}, dict(expected))
        self.assertEqual({'start': 1, 'end': 1}, dict(lost))

    def test_proof_notices_a_lost_report(self):
        seen = self.live()
        member = seen.acknowledged[0]
        member.versions.append(member.versions[-1] + 1)
        member.pid += 1
        _expected, lost = proof.missing(self.storage, [member])
        self.assertEqual({'report': 1, 'last report': 1}, dict(lost))

    def test_refused_start_is_a_failure(self):
        first, second = self.fleet.teams
        stranger = data.Team(first.session_id, second.agents[:1])
        runs = agents.Runs(every=0, spread=0)
        seen = asyncio.run(self.agents.live(0, [stranger], runs))
        self.assertEqual({'start: 400': 1, 'start: given up': 1}, dict(seen.failures))
        self.assertEqual(-1, seen.acknowledged[0].tag)
