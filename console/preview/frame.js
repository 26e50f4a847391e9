// Inside the preview's frame, an origin of its own without any rights: shows what the console sends, by the storefront
// script itself. While the merchant types the dialog is inert, so that it can take neither the caret nor a click.

(() => {
  const showModal = HTMLDialogElement.prototype.showModal;
  const words = {};
  let wanted = null;
  let isReady = false;

  // The popups' address has a fragment, into which the script's own query falls.
  window.exitIntentSettings = {
    shop: "preview",
    getActivePopups: 'data:application/json,{"popups":[]}#',
    trackView: "data:,#",
    trackConversion: "data:,#",
    words,
  };

  HTMLDialogElement.prototype.showModal = function () {
    this.inert = !wanted?.real;
    showModal.call(this);
  };

  const host = () => [...document.body.children].find((element) => element.shadowRoot);
  const dialog = () => host()?.shadowRoot.querySelector("dialog");

  /** What a shopper would do to get there. A refusal is that of an address without an @. */
  function fillIn(form, email) {
    const field = form.querySelector("input[type=email]");
    if (field) field.value = email;
    for (const box of form.querySelectorAll("input[type=checkbox]")) box.checked = true;
    form.requestSubmit(form.querySelector("button.main"));
  }

  function bringInto(state) {
    const form = dialog()?.querySelector("form");
    if (form && state === "refused") fillIn(form, "ada.example.com");
    if (form && (state === "thanks" || state === "empty")) fillIn(form, "ada@example.com");
  }

  /** At once, so that nothing flickers while the merchant types. */
  function stand() {
    if (wanted.real) return;
    for (const animation of dialog()?.getAnimations({ subtree: true }) ?? []) animation.finish();
  }

  function draw() {
    if (!isReady || !wanted) return;
    const root = document.documentElement;
    root.classList.toggle("dark", wanted.isDark);
    root.lang = wanted.lang || "en";
    root.dir = wanted.dir || "ltr";
    for (const name of Object.keys(words)) delete words[name];
    Object.assign(words, wanted.words);
    window.exitIntent.preview(wanted.popup);
    // The script shows it once its second file is here, and a microtask later from then on.
    setTimeout(settle);
  }

  function settle(tries = 0) {
    if (!dialog() && tries < 100) return void setTimeout(settle, 50, tries + 1);
    bringInto(wanted.state);
    stand();
    parent.postMessage({ kind: "drawn", state: wanted.state, isShown: !!dialog() }, "*");
  }

  addEventListener("message", ({ source, data }) => {
    if (source !== parent || data?.kind !== "draw") return;
    wanted = data;
    draw();
  });

  const script = document.createElement("script");
  script.src = LOADER_FILE;
  script.onload = () => {
    isReady = true;
    parent.postMessage({ kind: "ready" }, "*");
    draw();
  };
  document.body.append(script);
})();
