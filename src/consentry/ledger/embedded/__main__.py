"""``python -m consentry.ledger.embedded --state DIR --port P --engine BINARY``: the chain in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from consentry.errors import ConsentryError
from consentry.ledger.embedded.service import ChainSettings, serve


def main() -> int:
    """Runs until a signal ends it; 0 after an orderly end, 1 with one line on standard error otherwise."""
    parser = argparse.ArgumentParser(
        prog="consentry.ledger.embedded", description="The embedded chain, in the foreground."
    )
    parser.add_argument("--state", type=Path, required=True, help="the chain's own folder")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--engine", type=Path, required=True, help="the anvil binary")
    parser.add_argument("--chain-id", type=int, help="chain id that is demanded; a new chain draws one otherwise")
    given = parser.parse_args()
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(serve(ChainSettings(given.state.absolute(), given.port, given.engine, given.chain_id)))
    except ConsentryError as error:
        sys.stderr.write(f"error {error.code}: {error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
