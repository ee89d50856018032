/** The pages of `maps/` come in; static files that fetch nothing from any other host go out to `gridsvc/app/static`. */
import vue from "@vitejs/plugin-vue";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const service = "http://127.0.0.1:8000";

/** One HTML file per page; `/dispatch`, `/planner`, `/worker` and `/admin` join here. */
const pages = { overview: "index.html", docs: "docs.html", account: "account.html" };

/** Libraries name their web sites in error texts; on an intranet such an address is a dead end, so only XML namespaces stay. */
const noForeignAddresses: Plugin = {
  name: "no-foreign-addresses",
  apply: "build",
  renderChunk: (code) => ({
    code: code.replace(/https?:\/\/(?!www\.w3\.org\/|www\.opengis\.net\/)[\w.-]+\.[a-z]{2,}/g, ""),
    map: null,
  }),
};

export default defineConfig({
  plugins: [vue(), noForeignAddresses],
  build: {
    outDir: "../gridsvc/app/static",
    emptyOutDir: true,
    assetsDir: "assets",
    // Everything is a file of its own: the pages are served under a policy without inline scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    license: { fileName: "assets/licences.md" },
    rollupOptions: { input: pages },
  },
  server: {
    proxy: { "/api": service, "/tiles": service, "/healthz": service },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
