/** The structs that are signed and hashed; docs/attestations.md says what each member means. */

import { struct } from "./typed.js";

export const HealthAttestation = struct(
  "HealthAttestation",
  "uint16 schemaVersion,bytes32 audience,bytes32 accountSetRoot,bytes32 blockRefsRoot," +
    "bytes32 positionsRoot,bytes32 pricesRoot,bytes32 paramsHash,bytes32 zkCommitment," +
    "bytes32 committeeId,uint64 epoch,uint64 sequence,bytes32 prevDigest,uint64 issuedAt," +
    "uint64 expiresAt,uint64 minPriceTime,uint32 positionCount,uint8 status,uint32 accountCount," +
    "uint32 maxSkew,uint256 healthFactorE18,int256 netEquityE8",
);
export const AccountLeaf = struct("AccountLeaf", "uint32 index,text caip10,bytes32 salt");
export const BlockRef = struct(
  "BlockRef",
  "uint32 index,text caip2,uint8 kind,uint64 height,bytes32 blockHash,bytes32 stateRoot," +
    "uint64 time,uint8 finality",
);
export const PositionLeaf = struct(
  "PositionLeaf",
  "uint32 index,uint32 account,uint32 blockRef,uint32 price,text protocol,text market,text asset," +
    "uint8 side,uint256 amountRaw,uint8 decimals,uint16 ltvBps,uint16 liqThresholdBps," +
    "uint16 haircutBps,uint32 debtWeightBps,uint256 valueE8,uint8 evidence,text formula," +
    "bytes32 evidenceHash",
);
export const PriceLeaf = struct(
  "PriceLeaf",
  "uint32 index,text asset,uint8 source,text feedId,uint256 priceE8,uint256 confE8," +
    "uint64 publishTime,uint32 heartbeat,uint8 evidence,bytes32 evidenceHash",
);
export const CommitteeRecord = struct(
  "CommitteeRecord",
  "uint64 epoch,uint32 threshold,bytes32 keysRoot,uint64 validFrom,uint64 validUntil," +
    "bytes32 prevCommitteeId",
);
export const KeyLeaf = struct("KeyLeaf", "uint32 index,address key");
export const MemberLeaf = struct(
  "MemberLeaf",
  "uint32 index,address key,bytes32 ed25519Key,bytes32 blsKey",
);
export const RiskParams = struct(
  "RiskParams",
  "uint32 marketCount,uint32 assetCount,bytes32 marketsRoot,bytes32 assetsRoot",
);
export const MarketParam = struct(
  "MarketParam",
  "uint32 index,text protocol,text market,text formula,text reserve",
);
export const AssetParam = struct(
  "AssetParam",
  "uint32 index,text asset,text underlying,text form,text kind,text tier,uint16 haircutBps," +
    "uint32 debtWeightBps,text feed,uint32 heartbeat,uint256 minimumE8,uint256 maximumE8," +
    "text ratio",
);
