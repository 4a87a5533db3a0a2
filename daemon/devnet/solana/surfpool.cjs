// Hosts Surfpool: `node surfpool.cjs PACKAGE SLOT_MS` says where it serves in one line of JSON and
// serves until it is ended. Its events are drained, for nobody else takes them.
"use strict";

const [, , folder, slotMs] = process.argv;
const { Surfnet } = require(folder);
const surfnet = Surfnet.startWithConfig({
  offline: true,
  blockProductionMode: "clock",
  slotTimeMs: Number(slotMs),
});
process.stdout.write(`${JSON.stringify({ rpc: surfnet.rpcUrl, ws: surfnet.wsUrl })}\n`);
setInterval(() => surfnet.drainEvents(), 1000);
