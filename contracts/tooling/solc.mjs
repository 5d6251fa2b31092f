#!/usr/bin/env node
// Makes the npm compiler look like the native one, for `solcx.compile_standard(solc_binary=…)` and `forge --use`.
// Understands --version and --standard-json [FILE], with --base-path, --include-path and --allow-paths.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

// The package prints a notice on stdout while it loads, which would stand before the JSON.
const log = console.log;
console.log = () => {};
const solc = createRequire(import.meta.url)("solc");
console.log = log;

const roots = [];
let source = 0; // file descriptor 0: standard input
const words = process.argv.slice(2);
for (let i = 0; i < words.length; i += 1) {
  if (words[i] === "--version") {
    process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
    process.exit(0);
  } else if (words[i] === "--base-path" || words[i] === "--include-path") {
    roots.push(words[(i += 1)]);
  } else if (words[i] === "--allow-paths") {
    i += 1; // every path given by --base-path and --include-path is readable here
  } else if (!words[i].startsWith("-")) {
    source = words[i];
  } else if (words[i] !== "--standard-json") {
    process.stderr.write(`solc.mjs: option does not match (got ${words[i]}, expected --standard-json)\n`);
    process.exit(1);
  }
}

function findImports(name) {
  for (const root of roots.length > 0 ? roots : ["."]) {
    const file = path.resolve(root, name);
    if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
  }
  return { error: `File not found: ${name}` };
}

const output = Buffer.from(solc.compile(fs.readFileSync(source, "utf8"), { import: findImports }));
// A pipe takes a part at a time, and exiting early would cut the rest.
for (let sent = 0; sent < output.length; ) {
  try {
    sent += fs.writeSync(1, output, sent);
  } catch (error) {
    if (error.code !== "EAGAIN") throw error;
  }
}
