"""How Sphinx builds the release notes."""

project = 'freezer-api release notes'
copyright = 'freezer-api contributors'
extensions = ['openstackdocstheme', 'reno.sphinxext']
openstackdocs_auto_name = False
html_theme = 'openstackdocs'
