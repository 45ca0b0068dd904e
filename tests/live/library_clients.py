"""The ways in which callers make a client of the library, in a cloud."""

from tests.live import callers
from tests.servers import identity, keystone


class Making:
    """Each way that works, and those that don't."""

    def works(self, client: callers.Client) -> None:
        """A client works in the project."""
        self.home.call('POST', 'clients', 201, {'client_id': 'web'})
        (found,) = client.manager('clients').list()
        self.assertEqual('web', found['client']['client_id'])
        self.assertEqual(self.home.project_id, found['project_id'])

    def fails(self, status: int, client: callers.Client) -> None:
        """Whatever a client calls is answered with a status."""
        self.assertEqual(
            status, self.assertRaises(callers.Raised, client.manager('clients').list).status
        )

    def test_password_and_project_log_in(self):
        """A password and the project; by the class, and by the function that knows versions."""
        for how, args in (('v2', ()), ('versioned', ('2',)), ('versioned', ())):
            self.works(
                self.library.client(how, *args, endpoint=self.home.url, **self.home.credentials)
            )

    def test_variables_log_in_by_the_function_only(self):
        """The variables of the command line; the function looks them up, the class doesn't."""
        named = {**self.home.credentials, 'backup_url': self.home.url}
        library = self.useFixture(
            callers.Library(**{f'OS_{name.upper()}': value for name, value in named.items()})
        )
        self.works(library.client('versioned'))
        error = self.assertRaises(callers.Raised, library.client, 'v2')
        self.assertEqual('OS_AUTH_URL should be provided.', error.said)

    def test_namespace_of_options_logs_in(self):
        """A namespace, in which the parameters have the names of the command's options."""
        options = {f'os_{name}': value for name, value in self.home.credentials.items()}
        self.works(self.library.client('options', os_backup_url=self.home.url, **options))

    def test_token_logs_in_by_a_session_only(self):
        """A session may have one. The class has Keystone change it for another, and never says for
        which project: for none.
        """
        self.works(
            self.library.client('session', self.home.url, self.home.project_id, self.home.token)
        )
        self.fails(
            403,
            self.library.client(
                'v2',
                token=self.home.token,
                project_id=self.home.project_id,
                endpoint=self.home.url,
                auth_url=self.home.credentials['auth_url'],
            ),
        )

    def test_address_with_a_project_works(self):
        """An address that ends with version and project, as catalogues may have it."""
        self.works(
            self.library.client(
                'v2', endpoint=f'{self.home.url}/v2/{self.home.project_id}', **self.home.credentials
            )
        )

    def test_address_without_a_project_gets_404(self):
        """An address that ends with the version isn't completed: it asks for ``/v2/clients/``,
        which is nothing.
        """
        self.fails(
            404, self.library.client('v2', endpoint=f'{self.home.url}/v2', **self.home.credentials)
        )

    def test_first_address_of_the_catalogue_is_taken(self):
        """Without an address it takes the first that the catalogue has; there is no way to tell it
        a region.
        """
        known = self.addresses()
        found = self.library.client('v2', endpoint_type='public', **self.home.credentials).read(
            'endpoint'
        )
        # Regions of other tests come and go.
        self.assertIn(found, known | self.addresses())
        self.assertIn(self.home.url, known)

    def addresses(self) -> set[str]:
        """The public addresses of the service in the catalogue."""
        answer = keystone.request(
            'GET', f'{self.home.credentials["auth_url"]}/auth/catalog', token=self.home.token
        )
        return {
            endpoint['url']
            for service in answer.json()['catalog']
            if service['type'] == 'backup'
            for endpoint in service['endpoints']
            if endpoint['interface'] == 'public'
        }

    def test_trustee_works_in_the_trustor_s_project(self):
        """A trustee works in the trustor's project, as central schedulers do."""
        trustee = identity.token_of(keystone.SERVICE_USER, keystone.SERVICE_PROJECT)
        trust = {
            'trustor_user_id': self.home.user_id,
            'trustee_user_id': trustee.user_id,
            'impersonation': False,
            'project_id': self.home.project_id,
            'roles': [{'name': 'member'}],
        }
        address = self.home.credentials['auth_url']
        made = keystone.request(
            'POST', f'{address}/OS-TRUST/trusts', {'trust': trust}, self.home.token
        )
        client = self.library.client(
            'v2',
            endpoint=self.home.url,
            auth_url=address,
            trust_id=made.json()['trust']['id'],
            username=keystone.SERVICE_USER,
            password=keystone.PASSWORD,
            user_domain_id='default',
        )
        self.works(client)
        self.assertEqual(self.home.project_id, client.read('project_id'))
