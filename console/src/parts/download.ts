// Files that come with the key: fetched, and handed to the browser under a name of their own. Never parsed; the browser
// keeps a large one on disk and not in the page's memory. One that ends too early is no file.

import { Problem } from "../api/problem.ts";
import type { FunctionName, Options } from "../api/request.ts";
import { send } from "../api/request.ts";

const CUT = "The file was cut short, so nothing is saved. Please try again.";

export async function download(name: FunctionName, path: string, query: Options["query"], file: string) {
  const response = await send(name, "GET", path, { query, accept: "text/csv" });
  const content = await response.blob().catch(() => {
    throw new Problem(0, { detail: CUT });
  });
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
