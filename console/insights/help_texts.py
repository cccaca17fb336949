"""Explanations of the measures, as the pages show them."""

from __future__ import annotations

from tagging_core.analytics import drift
from tagging_core.analytics.accuracy import Outcomes
from tagging_core.analytics.productivity import FEW
from tagging_core.ledger.rollups.tally import LONGEST, SURE


def _flow(text: str) -> str:
    """Join each paragraph into one line."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


PRECISION = _flow(f"""
**Precision:** the share of the model's predictions that were right. A suggestion counts as a prediction at a
confidence of {SURE:.0%} or more. **Recall:** the share of the tags that apply that the model predicted.

**Blind sample:** pictures that people tagged without seeing suggestions; their tags are compared with what the
model would have predicted. **As shown:** people saw the suggestions, and tend to accept what they see, so the true
figures are probably a little lower. Suggestions left undecided when a picture was finished count as wrong. Bands
and bars are 95 % confidence intervals (Wilson).
""")

RELIABILITY = _flow("""
Suggestions are grouped by confidence, in bins of 10 %; a point is the share of its bin that was right. On the
dotted line, confidence equals that share. **Expected calibration error:** the mean distance from the line,
weighted by suggestions. Bars are 95 % confidence intervals (Wilson).
""")

COVERAGE = _flow("""
Accepting everything above a confidence threshold accepts some share of all suggestions (coverage), and some share
of those is wrong (risk). The lines mark 1, 3 and 5 % wrong. These are observed shares; the guarantee of *Accept
many* in Review is stricter and holds per tag.
""")

CONFUSIONS = _flow("""
Counted where a person replaced a suggested tag with another one, or gave another tag of an exclusive category
than the one with the highest probability.
""")

CHANGES = _flow("""
Precision of the tags affected by a change, before and after it. A difference whose interval includes zero may be
chance, and other things may have changed at the same time.
""")

UNCHANGED = _flow("""
Share of the pictures finished with suggestions, and with at least one tag, on which no tag was added or replaced.
Suggestions that were left out or rejected do not count as changes.
""")

TIMES = _flow(f"""
Seconds from when a picture appears until its review is finished, from the event ledger. With suggestions: all
pictures except the blind sample. More than {LONGEST / 60:.0f} minutes count as {LONGEST / 60:.0f}: the reviewer
was probably away. Grid decisions are not included, because they do not finish a picture.
""")

SAVINGS = _flow(f"""
Savings are the difference in seconds, times the pictures finished with suggestions, at the hourly cost; the chart
extrapolates at the same rate.

{TIMES}
""")

SHARE = _flow("""
Share of a day's finished pictures that have the tag. Bands, drawn for up to three lines, are 95 % confidence
intervals (Wilson). Days without finished pictures leave a gap. A category is counted once for each of its tags
on a picture.
""")

PARTS = _flow("""
Share of each category among all tags of finished pictures. A picture with three tags of a category counts three
times.
""")

MOVERS = _flow("""
Shares of finished pictures in this period, compared with the same number of days before. A tag is listed only if
its interval, the bar, excludes zero. The intervals are wide enough that in 95 of 100 comparisons without any real
change no tag is listed at all (Newcombe's interval, Bonferroni's correction). Pictures of one day resemble each
other, so the variance between days is taken into account (Kish's design effect, Student's quantile).
""")

PEOPLE = _flow(f"""
**Pictures per hour:** pictures that a person finished, skipped or reviewed as a second opinion, per hour of
review time; more than {LONGEST / 60:.0f} minutes on a picture count as {LONGEST / 60:.0f}. **Agreement:** the
share of tags in independent second reviews on which both people agreed; it says as much about the tags as about
the people. **Changed by others:** the share of a person's decisions that somebody else reversed later.

People are listed by name, and figures of fewer than {FEW} cases are left out or grey, because they are not
reliable. Batches differ in difficulty; nobody should be paid or ranked by these figures.
""")

DRIFT = _flow(f"""
Once a day the pictures of the last {drift.NOW} days are compared with those of the {drift.REFERENCE} days
before. **Pictures:** did the distribution of their vectors change? The statistic is the maximum mean discrepancy
of up to 400 pictures on either side. The p-value comes from 999 permutations of whole uploads, because pictures
uploaded together look alike. p of at most {drift.FALSE_ALARMS:.0%} is an alarm; without any change,
{drift.FALSE_ALARMS:.0%} of checks raise one. **Tags:** did the share of a tag among finished pictures change?
Intervals are wide enough that without any change, {drift.FALSE_ALARMS:.0%} of checks list a tag.

Drift is not an error. It means that the library learned from pictures that differ from the current ones, so past
accuracy may no longer hold, and that it is worth reviewing some of the new pictures.
""")


def source(found: Outcomes) -> str:
    """Return the name of the outcomes' source."""
    return "blind sample" if found.is_blind else "as shown"
