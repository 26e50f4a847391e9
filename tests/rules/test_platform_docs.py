"""docs/platforms.md: its PHP snippet works in both checkouts, and its JSON is what the API takes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.stack import ROOT

PAGE = (ROOT / "docs" / "platforms.md").read_text()
# The two hooks of WooCommerce, and an order that keeps what is stored with it.
STUBS = r"""<?php
$hooks = [];
function add_action($name, $callback, $priority = 10, $arguments = 1) { global $hooks; $hooks[$name][] = $callback; }
class Order {
    public array $meta = [];
    public int $saved = 0;
    public function update_meta_data($key, $value) { $this->meta[$key] = $value; }
    public function save() { $this->saved++; }
}
"""
ASK = r"""
$told = [];
foreach (json_decode($argv[1]) as $cookie) {
    $_COOKIE = $cookie === null ? [] : ['_store_visitor' => $cookie];
    foreach ($hooks as $name => $callbacks) {
        $order = new Order();
        foreach ($callbacks as $callback) { $callback($order); }
        $told[] = [$name, $order->meta, $order->saved];
    }
}
echo json_encode($told);
"""


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")
def test_the_snippet_stores_the_visitor_in_both_checkouts(tmp_path: Path) -> None:
    (snippet,) = (code for code in re.findall(r"```php\n(.*?)```", PAGE, re.S) if "add_action" in code)
    program = tmp_path / "snippet.php"
    body = "\n".join(line.removeprefix("   ") for line in snippet.splitlines()).replace("<?php", "")
    program.write_text(STUBS + body + ASK)
    cookies = ["browser-1", None, "", "x" * 65, "two words"]
    done = subprocess.run(["php", program, json.dumps(cookies)], capture_output=True, text=True, check=True, timeout=60)
    classic, block = "woocommerce_checkout_create_order", "woocommerce_store_api_checkout_update_order_meta"
    stored = {"_store_visitor": "browser-1"}
    expected = [[classic, stored, 0], [block, stored, 1]] + [[classic, [], 0], [block, [], 1]] * 4
    assert json.loads(done.stdout) == expected
