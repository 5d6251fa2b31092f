"""The whole story on one machine, on real medical data: two hospitals, two authorities, three patients.

For: a newcomer who wants to see it work before reading; the acts go through the SDK, the gateways are real processes.
The kills under load live here too (`scripts/chaos`), because they kill the same processes and compare what is left.
May import: api, client, wiring, witness, ledger, vault, directory, papers, gateway, audit, evidence, crypto, core,
  config, errors
Used by: cli
"""
