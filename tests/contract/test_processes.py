"""The jobs of :mod:`.test_concurrency`, in two processes with half of the threads each."""

from tests.contract import base, parallel, test_concurrency


@base.on_stores()
class Processes(test_concurrency.ConcurrentJobs):
    def live(self, session, jobs, life):
        return parallel.live_in_processes(
            2, self.options, self.project.project_id, session, jobs, life
        )
