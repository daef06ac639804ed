// libsodium, compiled to WebAssembly. The functions of this folder need `await ready` once; they know no page and no network.
import sodium from "libsodium-wrappers-sumo";
import type { Base64 } from "../../../shared/protocol.js";

export { sodium };
export const ready: Promise<void> = sodium.ready;

export const toBase64 = (bytes: Uint8Array): Base64 => sodium.to_base64(bytes, sodium.base64_variants.ORIGINAL);
export const fromBase64 = (text: Base64): Uint8Array => sodium.from_base64(text, sodium.base64_variants.ORIGINAL);
