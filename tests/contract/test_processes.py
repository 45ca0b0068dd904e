"""The crowds of :mod:`.test_concurrency`, in two processes with half of the threads each."""

from tests.contract import base, crowd, test_concurrency


@base.on_every_database()
class Processes(test_concurrency.Crowds):
    def live(self, session, jobs, life):
        return crowd.live_in_processes(2, self.options, self.actor.project_id, session, jobs, life)
