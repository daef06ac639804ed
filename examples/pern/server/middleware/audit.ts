// The specification's middleware. Changed: it writes as the login of chat_worker, since the application itself may not write the trail;
// `.catch`, without which a row that is refused ends Node; and the session and the request are named too. The database writes most of
// the trail by itself (docs/how-to/audit.md): here is what it cannot know.
import { forWorker } from "../database";
import { logFailure } from "../errors";

const { AuditLog } = forWorker;

export const auditLog = (action: string, resourceType: string) => {
  return async (req: any, res: any, next: any) => {
    // Log the action after successful request
    res.on("finish", () => {
      if (res.statusCode < 400) {
        AuditLog.create({
          user_id: req.user?.id,
          action,
          resource_type: resourceType,
          resource_id: req.params.id,
          ip_address: req.ip,
          user_agent: req.get("User-Agent"),
          severity: "info",
          session_id: req.user?.session,
          request_id: req.requestId,
        }).catch((error: unknown) => logFailure(`audit ${action}`, error));
      }
    });
    next();
  };
};
