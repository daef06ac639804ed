// End-to-end encryption of the example. Pure functions: the page, the simulation and tests use the same.
export { idMaker, timeOf } from "./id.js";
export { type Identity, identityOf, publicHalf, safetyNumber } from "./identity.js";
export { ALGORITHM, type Ciphertext, encryptText, type Place, readMessage, type Reading } from "./message.js";
export { EMPTY, newest, openRing, partOf, type Ring, sealRing, withNewKey } from "./ring.js";
export { asUsername, deriveSecrets, type Secrets } from "./secrets.js";
export { isTorn, isWhole, type Share, shareDue } from "./share.js";
export { fromBase64, ready, toBase64 } from "./sodium.js";
