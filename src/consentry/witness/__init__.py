"""The ledger log kept from a node of one's own, and checkpoints vouched for with it.

For: witnesses (regulator, hospital, patients' association), and whoever signs checkpoints for the log: a gateway too.
May import: ledger, evidence, crypto, core, errors
Used by: cli, demo, api, wiring
"""
