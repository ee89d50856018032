/** The time and chance come in; a UUID version 7 (RFC 9562) goes out. */

/** Make a UUIDv7: 48 bits of milliseconds, so that keys sort by time, and 74 random bits. */
export function uuidv7(
  nowMs: number = Date.now(),
  // `crypto.randomUUID` exists only on https; an intranet page may be plain http.
  random: Uint8Array = crypto.getRandomValues(new Uint8Array(10)),
): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(nowMs) << 16n);
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70; // version 7
  bytes[8] = (bytes[8]! & 0x3f) | 0x80; // variant of RFC 9562
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
