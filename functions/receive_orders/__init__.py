"""The merchant's reports on popups, experiments and the shop."""
