// Builds the console into dist/: index.html and preview.html under names that stay, all else in files/ under names that
// tell its content and nothing more, because content blockers match telling ones.

import { defineConfig } from "vite";
import { preview } from "./preview/build.ts";

export default defineConfig({
  base: "./",
  plugins: [preview()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        entryFileNames: "files/[hash].js",
        chunkFileNames: "files/[hash].js",
        assetFileNames: "files/[hash][extname]",
      },
    },
  },
});
