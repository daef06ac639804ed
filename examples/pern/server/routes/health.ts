// What is there at the moment. The application goes on without standby and Redis.
import { Router } from "express";
import type { Api } from "../../shared/protocol";
import { replicaAnswers } from "../acting";
import { store } from "../cache/store";
import { select } from "../database";

export const health = Router();

health.get("/health", async (_req, res) => {
  const database = await select("select 1").then(() => true, () => false);
  const answer: Api["GET /health"]["answer"] = { database, replica: await replicaAnswers(), redis: store.runId !== null };
  res.status(database ? 200 : 503).json(answer);
});
