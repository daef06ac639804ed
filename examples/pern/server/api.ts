// An API process: HTTP, sockets and the web page. Any number of them may run.
import express from "express";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { join } from "node:path";
import { config } from "./config";
import { app as database } from "./database";
import { answerErrors, Refused } from "./errors";
import { retrying } from "./retry";
import { accounts } from "./routes/accounts";
import { conversations } from "./routes/conversations";
import { health } from "./routes/health";
import { initializeSocket } from "./sockets";

const app = express();
app.disable("x-powered-by");
app.use((req, _res, next) => {
  req.requestId = randomUUID();
  next();
});
app.use("/api", express.json({ limit: "1mb" }), health, accounts, conversations);
app.use("/api", () => {
  throw new Refused(404, "not_found", "there is no such address");
});
app.use(express.static(config.pageFolder));
app.get("/", (_req, res) => void res.type("text").send(`The web page is not built: npm run build. It belongs to ${join(config.pageFolder)}\n`));
app.use(answerErrors);

const startServer = async () => {
  try {
    // Sequelize's first connection; migrations are chatschema's business, and models are defined with the connection.
    await retrying(() => database.authenticate());
    console.log("✅ Database initialized successfully");
    const httpServer = createServer(app);
    const io = initializeSocket(httpServer);
    httpServer.listen(config.port, config.host, () => console.log(`listening on port ${config.port}`));
    process.on("SIGTERM", () => void io.close(() => process.exit(0)));
  } catch (error) {
    console.error("❌ Failed to start server:", (error as Error).message);
    process.exit(1);
  }
};

startServer();
