// A connection that can be lost, between the page and the server.
import type { Page, WebSocketRoute } from "playwright-core";

export interface Connection {
  /** The server gets what is sent, and its answers are lost. */
  dropAnswers(): void;
  cut(): void;
  restore(): void;
}

/** Reload the page with a connection that the caller controls. */
export async function cutConnection(page: Page): Promise<Connection> {
  let state: "open" | "dropping" | "cut" = "open";
  const open = new Set<WebSocketRoute>();
  await page.routeWebSocket(/socket\.io/, (socket) => {
    if (state === "cut") return void socket.close();
    const server = socket.connectToServer();
    open.add(socket);
    socket.onMessage((message) => server.send(message));
    server.onMessage((message) => {
      if (state !== "dropping") socket.send(message);
    });
  });
  await page.reload();
  return {
    dropAnswers: () => {
      state = "dropping";
    },
    cut: () => {
      state = "cut";
      for (const socket of open) void socket.close();
      open.clear();
    },
    restore: () => {
      state = "open";
    },
  };
}
