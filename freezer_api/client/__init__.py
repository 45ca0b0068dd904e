"""Commands for users, ``openstack backup run …``, beside those of
python-freezerclient.

They are installed by the extra ``client`` on machines that need not have the
service: they use its HTTP API only, and import nothing else of this package.
"""
