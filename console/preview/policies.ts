// What the console's pages may do. The same in `popups dev` and in production, so that a violation shows at once.

type Directives = Record<string, string>;

export const policy = (directives: Directives) =>
  Object.entries(directives)
    .map(([name, value]) => `${name} ${value}`)
    .join("; ");

/** `connect-src` gets the addresses of functions that are elsewhere when the console is deployed. */
export const CONSOLE_POLICY: Directives = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self' data:",
  "connect-src": "'self'",
  "frame-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "require-trusted-types-for": "'script'",
  "trusted-types": "'none'",
};

/** The shopper's script runs in it, which loads its second file by itself; it reaches no function and no key. */
export const previewPolicy = (script: string, style: string): Directives => ({
  "default-src": "'none'",
  "script-src": `${script} 'strict-dynamic'`,
  "style-src": style,
  "img-src": "https: data:",
  "connect-src": "data:",
  "base-uri": "'none'",
  "form-action": "'none'",
});

export const HEADERS = {
  "Cache-Control": "no-cache",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
};
