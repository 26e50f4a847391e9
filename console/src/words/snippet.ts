// What a shop's pages need: the script's tag.

/** The tag, with the script and the functions at the address at which the console is. */
export function snippet(shopId: string, origin = location.origin): string {
  return `<script async src="${origin}/storefront.js"\n  data-shop="${shopId}" data-api="${origin}"></script>`;
}

/** For the thank-you page: what an order was worth. */
export const PURCHASE = `<script>
  window.exitIntent = window.exitIntent || [];
  exitIntent.push(["purchase", { order_id: "1001", revenue: "49.90", currency: "EUR" }]);
</script>`;
