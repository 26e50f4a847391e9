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
 * @param {Record<string, string> | undefined} own
 * @returns {typeof WORDS}
 */
export const wordsWith = (own) => ({ ...WORDS, ...own });
