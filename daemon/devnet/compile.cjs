// Compiles Solidity standard JSON from stdin with the npm solc, imports read from node_modules.
// Usage: node --stack-size=8000 compile.cjs NODE_MODULES
"use strict";
const fs = require("fs");
const path = require("path");

const packages = process.argv[2];
const solc = require(path.join(packages, "solc"));

function readImport(name) {
  try {
    return { contents: fs.readFileSync(path.join(packages, name), "utf8") };
  } catch (error) {
    return { error: String(error) };
  }
}

const input = fs.readFileSync(0, "utf8");
process.stdout.write(solc.compile(input, { import: readImport }));
