import { useCallback, useEffect, useState } from "react";
import type { Device } from "../../../shared/protocol.js";
import type { Chat } from "../chat/chat.js";
import { messageOf } from "../net/errors.js";
import { Dialog } from "./Dialog.js";
import { moment } from "./names.js";

/** Where this user is signed in. Signing a device out ends its login at once. */
export function Devices({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const [devices, setDevices] = useState<readonly Device[] | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const load = useCallback(() => chat.devices().then(setDevices, (error: unknown) => setFailure(messageOf(error))), [chat]);
  useEffect(() => void load(), [load]);

  const signOut = async (device: Device): Promise<void> => {
    setFailure(null);
    await chat.revoke(device.sessionId).catch((error: unknown) => setFailure(messageOf(error)));
    await load();
  };
  return (
    <Dialog title="Devices" onClose={onClose}>
      <p className="hint">Each tab and each browser in which you signed in. If one is lost, sign it out here.</p>
      {failure && <p className="notice bad" role="alert">{failure}</p>}
      <ul className="rows" aria-busy={devices === null}>
        {devices?.map((device) => (
          <li key={device.sessionId}>
            <span>
              <b>{device.deviceName ?? "Unknown device"}</b>
              <small>Signed in {moment(device.createdAt)}{device.lastUsedAt && `, last used ${moment(device.lastUsedAt)}`}</small>
            </span>
            {device.isThis
              ? <span className="tag">This device</span>
              : (
                <button type="button" className="danger" onClick={() => void signOut(device)}>
                  Sign out<span className="unseen"> {device.deviceName ?? "unknown device"}</span>
                </button>
              )}
          </li>
        ))}
      </ul>
      {devices === null && !failure && <p className="hint" role="status">Loading…</p>}
    </Dialog>
  );
}
