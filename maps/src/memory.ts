/** A name and a value come in; the value is there again on the next visit, if the browser lets a page remember. */

/** Read what was remembered, or `fallback` when nothing was, or when it no longer fits. */
export function recall<T>(name: string, fits: (value: unknown) => value is T, fallback: T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(`gridsvc.${name}`) ?? "null");
    return fits(value) ? value : fallback;
  } catch {
    return fallback;
  }
}

/** Remember a value; a browser that forbids it simply forgets. */
export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(`gridsvc.${name}`, JSON.stringify(value));
  } catch {
    // A locked-down browser may refuse storage: the page works, it only starts from the defaults each time.
  }
}
