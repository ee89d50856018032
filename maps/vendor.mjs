// Copies the scripts and styles that printed and shared map pages inline, from npm packages into the Python package.
// In: the manifest of gridsvc/cartography and a modules folder (maps/node_modules, or the one named as argument).
// Out: gridsvc/cartography/vendor/, every file proven by its hash, each package's licence beside it.

import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = resolve(process.argv[2] ?? join(here, "node_modules"));
const cartography = join(here, "..", "gridsvc", "cartography");
const vendor = join(cartography, "vendor");

/** Read one file of a package and stop the build when its version or its bytes are not the manifest's. */
async function readProven({ package: name, version, file, sha256 }) {
  const found = JSON.parse(await readFile(join(modules, name, "package.json"), "utf8")).version;
  if (found !== version) throw new Error(`${name} is ${found}, but the manifest wants ${version}`);
  const bytes = await readFile(join(modules, name, file));
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (hash !== sha256) throw new Error(`${name}/${file} has sha256 ${hash}, but the manifest wants ${sha256}`);
  return bytes;
}

try {
  const entries = Object.values(JSON.parse(await readFile(join(cartography, "manifest.json"), "utf8")));
  // Everything is proven before anything is written, so a failed build leaves the last good files alone.
  const proven = await Promise.all(entries.map(async (entry) => [entry.name, await readProven(entry)]));
  await rm(vendor, { recursive: true, force: true });
  await mkdir(vendor, { recursive: true });
  await Promise.all(proven.map(([name, bytes]) => writeFile(join(vendor, name), bytes)));
  for (const name of new Set(entries.map((entry) => entry.package))) {
    await copyFile(join(modules, name, "LICENSE"), join(vendor, `${name}-LICENSE`));
  }
  console.log(`vendored ${proven.length} files for map pages`);
} catch (fault) {
  console.error(`vendor: ${fault.message}. Run "npm ci" in maps/, or correct gridsvc/cartography/manifest.json.`);
  process.exitCode = 1;
}
