"""Use cases that only look: every access decided again from the chain alone, and what should not have happened.

For: regulators and hospitals who read a node, not a gateway; it can open no record, having no way to a key.
May import: evidence, crypto, core, errors
Used by: cli, demo, wiring, ledger, vault, directory, reports
"""
