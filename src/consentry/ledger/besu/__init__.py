"""The consortium's chain: files for a Hyperledger Besu QBFT network, generated from one list and checked against it.

For: operators who found or join a network of four or more validators.
May import: errors (and the embedded chain's durable files, inside the room)
Used by: cli

::

    network        generate and check a folder of files
    files          genesis, allowlists, static nodes, compose: text from facts
    participants   participants.toml → facts
    validators     keys, addresses, enode identities, quorum
"""
