// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParticipants} from "../interfaces/IParticipants.sol";
import {Standing} from "../types/Codes.sol";

/// @title Where an authority may act
/// @notice A region is an administrative code of six digits, of which the first two are the province; zero is the whole
/// country.
library Regions {
    /// @dev Digits of a region code below those of the province.
    uint32 private constant _PROVINCE = 10_000;

    /// @notice Whether an authority is active and a region lies within its own.
    /// @param participants the register of who may act.
    /// @param authority whose region.
    /// @param region which should lie within.
    /// @return over true when it may act there.
    function isActiveOver(
        IParticipants participants,
        address authority,
        uint32 region
    ) internal view returns (bool over) {
        (Standing standing, uint32 own) = participants.authorityStanding(authority);
        return standing == Standing.ACTIVE && isWithin(region, own);
    }

    /// @notice Whether a region lies within another.
    /// @param region which should lie within.
    /// @param outer the other.
    /// @return within true for the country, and within the same province.
    function isWithin(uint32 region, uint32 outer) internal pure returns (bool within) {
        return outer == 0 || region / _PROVINCE == outer / _PROVINCE;
    }
}
