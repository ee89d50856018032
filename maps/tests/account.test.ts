/** What is typed or scanned on the page of accounts comes in; proof that it is read as meant goes out. */
import { expect, it } from "vitest";

import { codesOf, keyOf } from "../src/account/codes";

it("reads codes with any commas between", () => {
  expect(codesOf(" 320106001001，320106001002, everywhere、")).toEqual(["320106001001", "320106001002", "everywhere"]);
  expect(codesOf("  ")).toBeNull();
});

it("writes the key of a second factor in groups", () => {
  expect(keyOf("otpauth://totp/gridsvc:a?secret=JBSWY3DPEHPK3PXP&issuer=gridsvc")).toBe("JBSW Y3DP EHPK 3PXP");
  expect(keyOf("nonsense")).toBe("");
});
