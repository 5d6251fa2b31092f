"""The use cases that change something: enrol, upload, grant, revoke, ask for access, release.

For: one function per step of the consent story, in the order in which the design tells it.
May import: evidence, crypto, core, errors
Used by: api, wiring, ledger, vault, directory
"""
