// Files that come with the key: fetched, and handed to the browser under a name of their own. Never parsed.

import type { FunctionName, Options } from "../api/request.ts";
import { send } from "../api/request.ts";

export async function download(name: FunctionName, path: string, query: Options["query"], file: string) {
  const response = await send(name, "GET", path, { query, accept: "text/csv" });
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
