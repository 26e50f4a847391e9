"""The verdict in sentences for a merchant."""

from __future__ import annotations

from functions.stats.experiments.verdicts import (
    COLLECTING,
    KEEP_RUNNING,
    MIN_CONVERTERS,
    MIN_DAYS,
    NO_DIFFERENCE,
    UNDECIDED,
    WINNER,
    Finding,
)

NOTHING_TO_COMPARE = "There is nothing to compare: the popup has fewer than two variants that are shown."
UNEVEN = (
    "The variants did not get the viewers that their weights give them, which chance does not explain. "
    "Something sorts the viewers, so no result can be trusted."
)
ANOTHER_MOMENT = (
    "Those who were shown nothing were counted at another moment than those who were shown the popup: the storefront "
    "script is an older one that sends no exposures."
)
EXAGGERATED = "Lifts that are seen early are exaggerated: expect less in the long run."

_REASONS = {
    COLLECTING: f"Too early: {MIN_DAYS} whole days and {MIN_CONVERTERS} converters of each variant are needed.",
    KEEP_RUNNING: f"Nothing is certain yet. Run on, in whole weeks. {EXAGGERATED}",
    NO_DIFFERENCE: "No variant differs from the first by a tenth of its rate. That is a result: keep the one you like.",
    UNDECIDED: (
        "Twice the planned viewers have come and no variant is certainly better: if there is a difference, it is too "
        "small to be found here. Keep the one you like."
    ),
}


def reason(finding: Finding, names: list[str]) -> str:
    """Return the verdict as a sentence; the names are those of the arms."""
    if finding.verdict == WINNER:
        assert finding.best is not None
        name = names[finding.best]
        return f"{name} is better than every other variant. Choosing it is safe. {EXAGGERATED}"
    return _REASONS[finding.verdict]


def health_details(viewers_in_two: int, crawlers: int, changes: list[str]) -> dict[str, str]:
    """Return the sentence of each health code."""
    return {
        "sample_ratio": UNEVEN,
        "less_than_a_week": f"It has run for fewer than {MIN_DAYS} whole days. Weekends differ from weekdays.",
        "too_few_viewers": f"A variant has fewer than {MIN_CONVERTERS} converters.",
        "changed_midway": f"Changed while it ran, for all variants alike: {', '.join(changes)}.",
        "viewers_in_two_variants": f"{viewers_in_two} viewers met two variants and count for the first one.",
        "crawlers": f"{crawlers} events of crawlers were left out.",
        "skewed": "A few large orders decide about the money. Its intervals hold only with more viewers.",
    }
