"""How keys are spelt that a restore sets."""

from freezer_api import exceptions
from freezer_api.services import restores
from tests.functional.test_services_restores import ME, Restoring


class Spelling(Restoring):
    def test_what_means_something_to_the_service_is_spelt_so(self):
        for key, right in (('ENGINE', 'engine'), ('Engine-Name', 'engine_name'),
                           ('Storage', 'storage'), ('MODE', 'mode'), ('OS-trust-id', 'os_trust_id')):
            text = f'jobs.etc.freezer_action.{key}: must be spelt {right}.'
            body = {'jobs': {'etc': {'freezer_action': {key: 'tar'}}}}
            for call in (self.restore, self.verify):
                with self.refused(exceptions.InvalidInput, text):
                    call(**body)
            with self.refused(exceptions.InvalidInput, text):
                restores.restore_backup(self.storage, ME, self.made['etc'], body)

    def test_keys_that_are_the_same_to_agents(self):
        for keys, text in ((('log-file', 'log_file'), 'log_file: means the same as log-file'),
                           (('log=file',), 'log=file: is not a key'),
                           (('engine', 'engine_name'), 'engine_name: is given twice')):
            with self.refused(exceptions.InvalidInput, f'jobs.etc.freezer_action.{text}'):
                self.restore(jobs={'etc': {'freezer_action': dict.fromkeys(keys, '/x')}})

    def test_other_keys_may_be_spelt_as_options(self):
        wish = {'freezer_action': {'Log-File': '/log', 'engine': 'tar'}}
        action = self.restore(dry_run=True, jobs={'etc': wish}).plan['steps'][0]['freezer_action']
        self.assertEqual(('/log', 'tar'), (action['log_file'], action['engine_name']))
