import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The newest look that the style sheet uses: light-dark() and nesting. */
const BROWSERS = ["chrome123", "edge123", "firefox120", "safari17.5"];

const SERVER = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  build: {
    outDir: "../src/novacore/web_dist",
    emptyOutDir: true,
    target: BROWSERS,
    cssTarget: BROWSERS,
    // The content security policy allows neither inline scripts nor data: scripts.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // How long a build takes is no concern of whoever starts the server.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: {
    proxy: { "/api": SERVER, "/v1": SERVER, "/outbox": SERVER },
  },
});
