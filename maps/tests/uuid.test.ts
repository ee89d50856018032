/** Times and chance come in; proof that the keys made of them are UUIDv7 and sort by time goes out. */
import { expect, it } from "vitest";

import { uuidv7 } from "../src/api/uuid";

it("makes the example of RFC 9562, appendix A.6", () => {
  const random = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
  expect(uuidv7(0x017f22e279b0, random)).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
});

it("has version 7 and the RFC's variant, whatever the chance", () => {
  for (const byte of [0x00, 0xff]) {
    expect(uuidv7(Date.now(), new Uint8Array(10).fill(byte))).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  }
});

it("is never the same twice", () => {
  expect(new Set(Array.from({ length: 1000 }, () => uuidv7(1))).size).toBe(1000);
});

it("sorts by the time it was made", () => {
  const made = [1, 255, 256, 1_700_000_000_000, 1_800_000_000_000].map((now) => uuidv7(now));
  expect([...made].sort()).toEqual(made);
});
