"""One loop of web3.py over the events of some blocks, in a process of its own; it says how long it took once loaded."""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import resources
from typing import Final

from web3 import Web3

from benchmarks.usage import cpu_seconds

_TOPICS: Final = 4
"""Of the event that is looped over: those of a batch have fewer."""


def main() -> int:
    """Decodes; returns 1 if there was nothing to decode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("node")
    parser.add_argument("ledger", help="address of the access ledger")
    parser.add_argument("first", type=int, help="number of the first block")
    parser.add_argument("last", type=int, help="number of the last block")
    parser.add_argument("--engine", type=int, required=True, help="process of the node's engine")
    asked = parser.parse_args()
    web3 = Web3(Web3.HTTPProvider(asked.node, request_kwargs={"timeout": 60}))
    address = Web3.to_checksum_address(asked.ledger)
    abi = json.loads((resources.files("consentry.ledger") / "artifacts" / "AccessLedger.json").read_text())["abi"]
    decided = web3.eth.contract(address=address, abi=abi).events.AccessDecided()
    # Whatever is loaded with the first request and the first log is, and the connection is open.
    for log in web3.eth.get_logs({"address": address, "fromBlock": asked.last, "toBlock": asked.last})[-1:]:
        decided.process_log(log)
    used, begun = time.process_time() + cpu_seconds(asked.engine), time.perf_counter()
    logs = web3.eth.get_logs({"address": address, "fromBlock": asked.first, "toBlock": asked.last})
    count = sum(len(decided.process_log(log)["args"]) > 0 for log in logs if len(log["topics"]) == _TOPICS)
    told = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() + cpu_seconds(asked.engine) - used}
    print(json.dumps({**told, "events": count}))
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
