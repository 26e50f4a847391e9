// The popup's fixed words, which a shop may replace with its own.

const WORDS = {
  close: "Close",
  email: "E-mail address",
  submit: "Continue",
  decline: "No, thanks",
  sending: "One moment…",
  invalid: "Please enter a valid e-mail address.",
  unticked: "Please tick this box to continue.",
  failed: "That did not get through. Please try again.",
  thanks: "Thank you!",
  code: "Your discount code:",
  copy: "Copy",
  copied: "Copied",
  expires: "Valid until",
  cart: "Go to cart",
  done: "Continue shopping",
};

/**
 * @param {string | Record<string, string> | undefined} own As JSON where an attribute says them.
 * @returns {typeof WORDS}
 */
export function wordsWith(own) {
  try {
    return { ...WORDS, ...(typeof own === "string" ? JSON.parse(own) : own) };
  } catch {
    console.warn("data-words is not JSON:", own);
    return WORDS;
  }
}
