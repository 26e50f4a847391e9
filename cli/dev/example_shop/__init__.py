"""The second shop of `popups dev`: sixty days of believable events, so that every page of the console can be judged."""

from cli.dev.example_shop.history import write_history
from cli.dev.example_shop.orders import report_orders
from cli.dev.example_shop.shop import SHOP_ID, key_file, prepare_popups, prepare_shop

__all__ = ["SHOP_ID", "key_file", "prepare_popups", "prepare_shop", "report_orders", "write_history"]
