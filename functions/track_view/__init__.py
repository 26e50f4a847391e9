"""The storefront's reports of views."""
