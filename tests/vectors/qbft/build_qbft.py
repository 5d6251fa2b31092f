"""Writes the vectors of QBFT: ``chain.json``, every block of the chain with what is true of it, and ``forged.json``.

Run ``PYTHONPATH=src:. python tests/vectors/qbft/build_qbft.py``. Nothing of the code under test takes part.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from tests.support.qbft_chain import Chain, address_of, key_of
from tests.vectors.qbft.forgeries import forgeries
from tests.vectors.qbft.story import EPOCH, build

FOLDER: Final = Path(__file__).parent


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def chain_vectors(chain: Chain) -> dict[str, Any]:
    """Gives the chain: of every block its header, both hashes, whom it lists and who sealed it."""
    keys = {address_of(name): key_of(name) for name in chain.names}
    blocks = [
        {
            "number": block.number,
            "hash": _hex(block.hash),
            "sealHash": _hex(block.seal_hash),
            "validators": [_hex(address) for address in block.validators],
            "sealers": [
                _hex(address)
                for address, key in keys.items()
                if key.sign_msg_hash(block.seal_hash).to_bytes() in block.seals
            ],
            "header": _hex(block.encoded),
        }
        for block in chain.blocks
    ]
    return {"epochLength": EPOCH, "blocks": blocks}


def forged_vectors(chain: Chain) -> list[dict[str, Any]]:
    """Gives the forgeries; a header that is a number is that of this block."""
    return [
        {
            "name": forgery.name,
            "headers": [item if isinstance(item, int) else _hex(item) for item in forgery.headers],
            "says": forgery.says,
        }
        for forgery in forgeries(chain)
    ]


def text_of(value: object) -> str:
    """Writes a file."""
    return json.dumps(value, indent=1) + "\n"


if __name__ == "__main__":
    made = build()
    (FOLDER / "chain.json").write_text(text_of(chain_vectors(made)), encoding="utf-8")
    (FOLDER / "forged.json").write_text(text_of(forged_vectors(made)), encoding="utf-8")
