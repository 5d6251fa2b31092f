"""Commands: the chain, a gateway, the acts of each user, audit and verification, the demonstration.

For: people at a terminal and scripts; every command is thin and answers with one line, a table, or JSON.
May import: demo, api, client, wiring, witness, ledger, vault, directory, papers, reports, gateway, audit, evidence,
  crypto, core, config, errors
Used by: nobody; ``consentry`` and ``python -m consentry`` start it
"""

from consentry.cli.app import app, main

__all__ = ["app", "main"]
