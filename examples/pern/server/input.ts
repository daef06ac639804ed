// What the browser sends, checked where a wrong type would not reach the database as such.
import { Refused } from "./errors";

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const invalid = (name: string) => new Refused(400, "invalid_input", `${name} is missing or not valid`);

export function id(value: unknown, name: string): string {
  if (typeof value !== "string" || !UUID.test(value)) throw invalid(name);
  return value.toLowerCase();
}

export function text(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") throw invalid(name);
  return value;
}

export function optional<T>(value: unknown, name: string, read: (value: unknown, name: string) => T): T | undefined {
  return value === undefined || value === null || value === "" ? undefined : read(value, name);
}

export function integer(value: unknown, name: string): number {
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) throw invalid(name);
  return number;
}

/** Bytes. Base64 that were given to a BLOB as text would be stored as characters. */
export function bytes(value: unknown, name: string): Buffer {
  const given = text(value, name);
  const found = Buffer.from(given, "base64");
  if (found.toString("base64") !== given) throw invalid(name);
  return found;
}

export function list<T>(value: unknown, name: string, read: (value: unknown, name: string) => T): T[] {
  if (!Array.isArray(value) || value.length > 1_000) throw invalid(name);
  return value.map((one) => read(one, name));
}
