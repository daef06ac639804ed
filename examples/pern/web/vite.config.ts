// `vite web` while working on the page, `vite build web` for the server to hand out. API_URL is where the API listens.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const target = process.env["API_URL"] ?? "http://127.0.0.1:3000";
const proxy = { "/api": { target }, "/socket.io": { target, ws: true } };

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // libsodium is a megabyte of WebAssembly, and the page needs it at once.
  build: { target: "es2023", chunkSizeWarningLimit: 2000, modulePreload: { polyfill: false } },
  server: { proxy },
  preview: { proxy },
});
