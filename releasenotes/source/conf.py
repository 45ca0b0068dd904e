"""How Sphinx builds the release notes."""

import importlib.metadata

from docutils import nodes

project = 'freezer-api release notes'
copyright = 'freezer-api contributors'
# That of the installed package, as its programs tell it.
version = release = importlib.metadata.version('freezer-api')
extensions = ['openstackdocstheme', 'reno.sphinxext']
openstackdocs_auto_name = False
openstackdocs_auto_version = False
html_theme = 'openstackdocs'
#: What reno calls notes before the first tag of the repository.
UNTAGGED = '0.0.0'


def name_version(_app, doctree):
    """Give notes that have no tag yet the version of the package."""
    for title in doctree.findall(nodes.title):
        if title.astext() == UNTAGGED:
            title.children = [nodes.Text(f'{release} (in development)')]


def setup(app):
    """Have the titles changed before the table of contents is made."""
    # Sphinx collects titles at the usual priority, 500.
    app.connect('doctree-read', name_version, priority=100)
