// Reads an AsyncAPI document with the AsyncAPI project's own parser. Usage: node asyncapi.mjs <document>

import { existsSync, readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const SEVERITIES = ["error", "warning", "information", "hint"];

const path = process.argv[2];
if (!existsSync(path)) {
  console.error(`${path} is not there`);
  process.exit(1);
}
const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
for (const { severity, message, path: place } of diagnostics) {
  console.log(`  ${SEVERITIES[severity]}: /${place.join("/")}: ${message}`);
}
const errors = diagnostics.filter(({ severity }) => severity === 0).length;
if (document) {
  const [channels, operations, messages] = [document.channels(), document.operations(), document.messages()];
  console.log(`AsyncAPI ${document.version()}: ${channels.length} channels, ${operations.length} operations, ${messages.length} messages`);
}
console.log(`${errors} errors, ${diagnostics.length - errors} remarks`);
process.exit(document && errors === 0 ? 0 : 1);
