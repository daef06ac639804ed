// A position in the write-ahead log, "0/3B2F4A8", as 16 hexadecimal digits: these compare as texts, also in a script of Redis.

export function sortable(lsn: string): string {
  const [high = "", low = ""] = lsn.split("/");
  return high.padStart(8, "0") + low.padStart(8, "0");
}

export function printable(digits: string): string {
  const short = (part: string) => part.replace(/^0+(?=.)/, "");
  return `${short(digits.slice(0, 8))}/${short(digits.slice(8, 16))}`;
}
