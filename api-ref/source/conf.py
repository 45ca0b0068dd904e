"""How Sphinx builds the API reference."""

from os_api_ref.http_codes import HTTPResponseCodeDirective

project = 'Backup API'
copyright = 'freezer-api contributors'
extensions = ['openstackdocstheme', 'os_api_ref']
openstackdocs_auto_name = False
openstackdocs_repo_name = 'openstack/freezer-api'
html_theme = 'openstackdocs'
html_theme_options = {'sidebar_mode': 'toc'}
# The answer to a body that isn't JSON; os-api-ref knows the registered codes
# alone.
HTTPResponseCodeDirective.CODES[753] = 'Syntax Error'
