// What a WooCommerce shop needs so that its orders say whose they are; the same as in docs/platforms.md.

export const COOKIE = `<script>
  (window.exitIntent = window.exitIntent || []).push(["visitor", (visitor) => {
    document.cookie = \`_store_visitor=\${encodeURIComponent(visitor)}; path=/; max-age=2592000; samesite=lax; secure\`;
  }]);
</script>`;

export const PHP = `<?php
// functions.php of the theme, or a plugin of its own.
function store_visitor_of_request(): string {
    $visitor = isset($_COOKIE['_store_visitor']) ? (string) $_COOKIE['_store_visitor'] : '';
    return preg_match('/\\A[\\x21-\\x7e]{1,64}\\z/', $visitor) ? $visitor : '';
}

function store_visitor_with_order($order): void {
    $visitor = store_visitor_of_request();
    if ($visitor !== '') {
        $order->update_meta_data('_store_visitor', $visitor);
    }
}

add_action('woocommerce_checkout_create_order', 'store_visitor_with_order', 10, 1);
add_action('woocommerce_store_api_checkout_update_order_meta', function ($order) {
    store_visitor_with_order($order);
    $order->save();
}, 10, 1);`;
