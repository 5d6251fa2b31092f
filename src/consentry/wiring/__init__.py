"""Where adapters meet use cases: builds one gateway from its settings.

Rooms below never see settings; commands and the demonstration, above, read them and hand them over.

The gateway holds three secrets: the key of its relay account, which can only pass on what others signed, the passphrase
of its vault or what its key service asks for instead, and the key under which its directory hashes the codes of
patients. It has no key that could sign for a subject or an institution.

For: commands and the demonstration, which hand over settings and get what they name, opened.
May import: witness, ledger, vault, directory, papers, reports, gateway, audit, evidence, crypto, core, database,
  config, errors
Used by: cli, demo
"""
