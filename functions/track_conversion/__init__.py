"""The storefront's reports of conversions."""
