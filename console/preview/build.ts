// The preview's page, and what a server has to say with each page.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";
import { CONSOLE_POLICY, HEADERS, policy, previewPolicy } from "./policies.ts";

const HERE = import.meta.dirname;
const SCRIPT = join(HERE, "../../storefront/dist");

const read = (...path: string[]) => readFileSync(join(...path), "utf8");
const sha256 = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The page, with its script and style in it: in an opaque origin 'self' is nobody, and a hash is. */
function page(loader: string) {
  const script = read(HERE, "frame.js").replace("LOADER_FILE", JSON.stringify(`./files/${loader}`));
  const style = read(HERE, "frame.css");
  const directives = previewPolicy(sha256(script), sha256(style));
  const html = read(HERE, "frame.html")
    .replace("POLICY", policy(directives))
    .replace("STYLE", () => style)
    .replace("SCRIPT", () => script);
  return { html, directives };
}

/** The storefront script as shops load it, beside a page that shows popups with it. */
export function preview(): Plugin {
  return {
    name: "preview",
    apply: "build",
    transformIndexHtml: (html) =>
      html.replace(
        "<head>",
        `<head>\n  <meta http-equiv="Content-Security-Policy" content="${policy(CONSOLE_POLICY)}">`,
      ),
    generateBundle() {
      const { loader, dialog } = JSON.parse(read(SCRIPT, "files.json"));
      const { html, directives } = page(loader);
      const emit = (fileName: string, source: string) => this.emitFile({ type: "asset", fileName, source });
      for (const name of [loader, dialog]) emit(`files/${name}`, read(SCRIPT, name));
      emit("preview.html", html);
      const headers = (own: Record<string, string>) => ({
        ...HEADERS,
        "Content-Security-Policy": policy({ ...own, "frame-ancestors": "'self'" }),
      });
      const told = { "index.html": headers(CONSOLE_POLICY), "preview.html": headers(directives) };
      emit("headers.json", `${JSON.stringify(told, null, 2)}\n`);
    },
  };
}
