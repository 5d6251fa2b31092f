"""How a rule says no to an act: with the Solidity error the contract would revert with."""

from __future__ import annotations

from consentry.errors import LedgerRejectedError


def refusal(solidity: str, *arguments: bytes | int) -> LedgerRejectedError:
    """Makes the error of an act the contracts would revert.

    Args:
        solidity: name of the Solidity error; its interface in ``contracts/interfaces`` says when it is given.
        arguments: the arguments of the Solidity error, in its order.
    """
    shown = ", ".join("0x" + a.hex() if isinstance(a, bytes) else str(a) for a in arguments)
    message = f"contract refuses the act (got {solidity}({shown}))"
    return LedgerRejectedError(message, solidity=solidity, arguments=arguments)
