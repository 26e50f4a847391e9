"""What the example shop shows: its popups, their codes, and how shoppers take to them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

CONSENT = "Write to me about plants and offers. I can unsubscribe at any time."

CODES = {
    "FERN10": {"type": "percentage", "value": "10"},
    "CART5": {"type": "fixed", "value": "5.00", "minimum_purchase": "30.00"},
    "AUTUMN15": {"type": "percentage", "value": "15"},
}

FOREST = {"background_color": "#f2f7f1", "text_color": "#1b3a2b", "button_color": "#2f6b4f"}
INK = {"background_color": "#111827", "text_color": "#f9fafb", "button_color": "#fbbf24"}
ROSE = {"background_color": "#fff5f5", "text_color": "#4a1d24", "button_color": "#be123c"}


@dataclass(frozen=True)
class Story:
    """A popup, the days on which it was live (counted back from today), and what became of its views.

    `reach` is the share of a day's visits that see it. `rates` are the shares of viewers who convert, by variant ("" is
    everyone), `buys` the share of those who then buy.
    """

    popup: dict[str, Any]
    first_day_ago: int
    last_day_ago: int
    reach: float
    rates: dict[str, float]
    buys: float
    goal: str
    code: str | None = None
    edits: dict[int, dict[str, Any]] = field(default_factory=dict)

    def holdout(self) -> float:
        return float(self.popup.get("holdout_percent", 0)) / 100


STORIES = [
    Story(
        popup={
            "name": "Welcome: ten percent for an address",
            "priority": 5,
            "trigger": {"type": "exit_intent"},
            "design": {
                "heading": "Ten percent off your first plant",
                "subheading": "Leave us your address, and the code is yours at once.",
                "button_text": "Send me the code",
                **FOREST,
            },
            "targeting": {"visitors": "new"},
            "frequency": {"days_after_close": 14},
            "offer": {"type": "email_capture", "discount_code_id": "FERN10", "consent_text": CONSENT},
        },
        first_day_ago=60,
        last_day_ago=0,
        reach=0.9,
        rates={"": 0.058, "a": 0.058, "b": 0.086},
        buys=0.16,
        goal="email_capture",
        code="FERN10",
        edits={
            38: {
                "variants": [
                    {"id": "a", "name": "As it is", "weight": 50},
                    {
                        "id": "b",
                        "name": "A question",
                        "weight": 50,
                        "design": {
                            "heading": "Which plant survives with you?",
                            "button_text": "Tell me, with 10 % off",
                        },
                    },
                ]
            }
        },
    ),
    Story(
        popup={
            "name": "Cart saver",
            "priority": 10,
            "trigger": {"type": "exit_intent"},
            "design": {
                "heading": "Your plants are still in the cart",
                "subheading": "Finish your order today, and five euros are on us.",
                "button_text": "Show me the code",
                **INK,
            },
            "targeting": {"include_pages": ["/cart*"], "min_cart_items": 1},
            "frequency": {"days_after_close": 3},
            "offer": {"type": "discount", "discount_code_id": "CART5"},
        },
        first_day_ago=60,
        last_day_ago=0,
        reach=0.22,
        rates={"": 0.21},
        buys=0.44,
        goal="click",
        code="CART5",
        edits={21: {"design": {"subheading": "Order today, and five euros are on us."}}},
    ),
    Story(
        popup={
            "name": "Autumn sale",
            "status": "paused",
            "trigger": {"type": "time_delay", "delay_seconds": 12},
            "design": {
                "heading": "The autumn sale ends on Sunday",
                "subheading": "Fifteen percent on everything with leaves.",
                "button_text": "Take me there",
                **ROSE,
            },
            "offer": {"type": "discount", "discount_code_id": "AUTUMN15"},
        },
        first_day_ago=45,
        last_day_ago=27,
        reach=0.5,
        rates={"": 0.12},
        buys=0.2,
        goal="click",
        code="AUTUMN15",
    ),
    Story(
        popup={
            "name": "The monthly letter",
            "trigger": {"type": "scroll_percentage", "scroll_percentage": 70},
            "design": {
                "heading": "Once a month, and worth reading",
                "subheading": "What to water, what to cut, what is new.",
                "button_text": "Subscribe",
            },
            "frequency": {"days_after_close": 30},
            "offer": {"type": "newsletter", "consent_text": CONSENT},
            "holdout_percent": 10,
        },
        first_day_ago=30,
        last_day_ago=0,
        reach=0.35,
        rates={"": 0.031},
        buys=0.06,
        goal="email_capture",
    ),
]


def waiting(now: datetime) -> list[dict[str, Any]]:
    """Return what is not shown yet: a popup that begins next week, and a draft."""
    gift = {
        "name": "A gift for the holidays",
        "starts_at": (now + timedelta(days=7)).astimezone(UTC).isoformat(),
        "ends_at": (now + timedelta(days=28)).astimezone(UTC).isoformat(),
        "status": "active",
        "design": {
            "heading": "A gift before the holidays",
            "subheading": "Order by the 20th, and it arrives in time. This code is from us.",
            "button_text": "Unwrap it",
            **INK,
        },
        "offer": {"type": "discount", "discount_code_id": "FERN10"},
    }
    draft = {
        "name": "Wer wiederkommt (Entwurf)",
        "design": {
            "heading": "Schön, dass Sie wieder da sind",
            "subheading": "Ein kleines Dankeschön für Ihre Treue.",
            "button_text": "Danke",
        },
        "targeting": {"visitors": "returning"},
    }
    return [gift, draft]
