"""The embedded chain: anvil, driven by a sealer of ours with a durable block log.

For: one process that keeps a one-node chain on one machine and loses nothing it acknowledged.
May import: core, errors
Used by: cli, demo, witness, ledger; the operator by ``python -m consentry.ledger.embedded``

How the parts lie on each other::

    service     one state folder, one process: lock, restore, serve, snapshot, stop
    rpc         JSON-RPC on 127.0.0.1: an allowlist of reads, and raw transactions
    questions   what a request must be before the engine sees it
    sealer      collects, logs, seals, logs the hash, then answers
    recovery    a chain made anew from a backup, in an empty folder
    keeper      when a snapshot is due
    restore     newest snapshot + rest of the log, every block hash compared
    backup      one file that tells what it holds: the block log, whole or refused
    snapshot    a state dump in a file that is whole or absent
    blocks      one block made, or made again, in anvil
    pool        decoded transactions that wait, in nonce order
    blocklog    framed, checksummed, synced records
    anvil link  the child process · its socket
    durable     write, sync, rename, sync the folder
"""
