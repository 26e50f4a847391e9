// Builds the script: `npm run build` writes dist/, which is committed; `node build.js FOLDER` writes it elsewhere.
//
// Names tell their content, so that files may be cached for ever; they say "storefront" and not what the script does,
// because content blockers match the latter. storefront.js is the newest first file under a name that stays.

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { minify } from "terser";

const HERE = dirname(fileURLToPath(import.meta.url));
const SCRIPT = join(HERE, "script");

// Older ones find a syntax error at most; what the script asks for besides is in loader.js.
const TARGET = "es2021";

const HASH_CHARACTERS = 12;

// Tells V8 to compile every function while the file arrives, which it does beside the main thread; else each is compiled
// at its first call. That was half of what the script cost a page that loads.
const COMPILE_HINT = "//# allFunctionsCalledOnLoad";

// What loader and dialog part ask of each other has names that nothing else has, neither the page nor the server nor
// storage. They are shortened, to the same in all files.
const TYPES = readFileSync(join(SCRIPT, "types.d.ts"), "utf8");
const membersOf = (name) => TYPES.match(new RegExp(`^interface ${name} {\\n(.*?)^}`, "ms"))[1].match(/(?<=^ {2})\w+/gm);
const OWN_NAMES = new RegExp(`^(${[...membersOf("Loader"), ...membersOf("Part")].join("|")})$`);
let shortNames = {};

/** A style sheet is a text in the script, without spaces. */
const styleSheets = {
  name: "style sheets",
  setup(bundle) {
    bundle.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path), { loader: "css", minify: true, target: "chrome111" });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/** One file made of an entry and all that it imports: esbuild joins them, terser makes them shorter than it does. */
async function bundled(entry, options) {
  const { outputFiles, mangleCache } = await build({
    absWorkingDir: HERE,
    entryPoints: [join(SCRIPT, entry)],
    outfile: join(HERE, "dist", "x.js"), // Sources are told relative to it.
    bundle: true,
    minify: true,
    sourcemap: "external",
    target: TARGET,
    write: false,
    plugins: [styleSheets],
    mangleProps: OWN_NAMES,
    mangleCache: shortNames,
    ...options,
  });
  shortNames = mangleCache;
  const [map, code] = outputFiles.map(({ text }) => text);
  return minify(code, {
    ecma: 2021,
    toplevel: true,
    compress: { passes: 3, unsafe_arrows: true, keep_fargs: false },
    format: { ascii_only: true, preamble: COMPILE_HINT }, // A page in another encoding would take it to be in that.
    sourceMap: { content: map, includeSources: true },
    module: options.format === "esm",
  });
}

/** Writes a file and its source map; its name. */
async function write(folder, name, entry, options) {
  const { code, map } = await bundled(entry, options);
  const hash = createHash("sha256").update(code).digest("hex").slice(0, HASH_CHARACTERS);
  const file = `${name}-${hash}.js`;
  writeFileSync(join(folder, file), `${code}\n//# sourceMappingURL=${file}.map\n`);
  writeFileSync(join(folder, `${file}.map`), map);
  return file;
}

async function buildAll(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const codes = await write(folder, "storefront-codes", "codes/codes.js", { format: "esm" });
  const dialog = await write(folder, "storefront-dialog", "dialog/part.js", {
    format: "esm",
    define: { CODES_FILE: JSON.stringify(`./${codes}`) },
    external: [`./${codes}`],
  });
  const amounts = await write(folder, "storefront-amounts", "amounts/amounts.js", { format: "esm" });
  const shopify = await write(folder, "storefront-shopify", "platforms/shopify.js", { format: "esm" });
  const define = {
    DIALOG_FILE: JSON.stringify(dialog),
    AMOUNTS_FILE: JSON.stringify(amounts),
    SHOPIFY_FILE: JSON.stringify(shopify),
  };
  const loader = await write(folder, "storefront", "loader/loader.js", { format: "iife", define });
  cpSync(join(folder, loader), join(folder, "storefront.js"));
  const integrity = `sha384-${createHash("sha384")
    .update(readFileSync(join(folder, loader)))
    .digest("base64")}`;
  writeFileSync(
    join(folder, "files.json"),
    `${JSON.stringify({ loader, integrity, dialog, codes, amounts, shopify }, null, 2)}\n`,
  );
}

await buildAll(process.argv[2] || join(HERE, "dist"));
