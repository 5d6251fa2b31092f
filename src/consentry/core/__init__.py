"""The rules, and nothing else: values in, decisions out; time is an argument.

For: everything that must decide the same on chain, in the gateway and in an audit.
May import: errors
Used by: cli, demo, api, client, wiring, witness, ledger, vault, directory, papers, reports, gateway, audit, evidence,
  crypto
"""
