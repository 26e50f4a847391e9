// Codes that wait for the shopper have a file of their own: few pages have one.

import { hindrance } from "../signs/busy.js";
import { loader } from "./loader.js";
import { isOpen, thank } from "./showing.js";
import { addTab, removeTab } from "./tab.js";
import { wordsWith } from "./words.js";

/** If the file does not come, the next page has the code still. */
export const bringDue = () =>
  import(CODES_FILE).then(
    (codes) =>
      codes.showCodes(loader, {
        hindrance,
        isOpen,
        thank,
        addTab,
        removeTab,
        words: wordsWith(loader.settings.words),
      }),
    console.debug,
  );
