"""Cryptography: bytes in, bytes out.

For: sealing record contents, committing to them, wrapping their keys, signing typed data. No I/O, no clock.
May import: core, errors
Used by: cli, demo, api, client, ledger, vault, directory, gateway, audit, evidence, witness
"""
