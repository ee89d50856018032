/** What somebody types as a territory comes in; the codes the service takes go out. */
export function codesOf(typed: string): string[] | null {
  const codes = typed.split(/[\s,，、;；]+/).filter(Boolean);
  return codes.length ? codes : null;
}

/** Take the key out of an `otpauth:` address, in groups that can be typed. */
export function keyOf(address: string): string {
  const secret = /[?&]secret=([A-Z2-7]+)/.exec(address)?.[1] ?? "";
  return secret.replace(/(.{4})(?=.)/g, "$1 ");
}
