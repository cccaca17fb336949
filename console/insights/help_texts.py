"""What the measures mean, in the words that the pages show on demand."""

from __future__ import annotations

from tagging_core.analytics import drift
from tagging_core.analytics.accuracy import Outcomes
from tagging_core.analytics.productivity import FEW
from tagging_core.ledger.rollups.tally import LONGEST, SURE


def _flow(text: str) -> str:
    """One line a paragraph."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


PRECISION = _flow(f"""
**Right (precision):** of the machine's opinions, the share that was right. A suggestion counts as its opinion
from a confidence of {SURE:.0%} on. **Found (recall):** of the tags that apply, the share of which the machine
was of the opinion.

**Blind sample:** pictures that people tagged without seeing suggestions; what the machine would have said is
compared with what they said. **As shown:** people saw the suggestions, and who sees one is inclined to accept
it, so the truth is rather a little lower. Suggestions that were left undecided when a picture was finished
count as wrong. Bands and bars are 95 % intervals (Wilson).
""")

RELIABILITY = _flow("""
Suggestions are put together by the confidence they had, in tenths; a point says how often those were right. On
the dotted line confidence means what it says. **Expected calibration error:** the mean distance from the line,
weighted by suggestions. Bars are 95 % intervals (Wilson).
""")

COVERAGE = _flow("""
Accepting everything from some confidence on takes some share of all suggestions (coverage), of which some share
is wrong (risk). The lines mark 1, 3 and 5 % wrong. This is what was seen; the promise that *Accept many* makes
in Review is stricter, tag by tag.
""")

CONFUSIONS = _flow("""
Counted where a person put another tag in place of a suggested one, or gave another tag of an exclusive category
than the one the machine held likeliest.
""")

CHANGES = _flow("""
Of the tags that a change touched: how often the machine's opinions were right before and after. A change whose
interval reaches zero may be chance; other things changed meanwhile too.
""")

UNCHANGED = _flow("""
Of the pictures that were finished with suggestions in sight and have any tag: those to which nothing had to be
added and in which no tag was replaced. Suggestions that were left out or rejected are no change.
""")

TIMES = _flow(f"""
Seconds from when a picture appears until its review is finished, as the ledger has it. With suggestions: all
pictures but the blind sample. A look of more than {LONGEST / 60:.0f} minutes counts as {LONGEST / 60:.0f}:
whoever takes longer has left the desk. Grids, whose answers finish no picture, are not in it.
""")

SAVINGS = _flow(f"""
What is saved is the difference in seconds, times the pictures that were finished with suggestions, at the cost
of an hour; drawn on at the same rate.

{TIMES}
""")

SHARE = _flow("""
Of the finished pictures of a day, the share that has the tag. Bands, drawn for up to three lines, are 95 %
intervals (Wilson). Days without finished pictures leave a gap. A category is counted once for each of its tags
that a picture has.
""")

PARTS = _flow("""
Of all tags that finished pictures have, the share that belongs to each category. A picture with three tags of a
category counts three times.
""")

MOVERS = _flow("""
Shares of finished pictures in this period against as many days before. A tag is listed only if its interval,
the bar, does not reach zero: the bars are so wide that in 95 of 100 comparisons in which nothing changed, no
tag at all is listed (Newcombe's interval, Bonferroni's correction). Pictures of one day resemble each other, so
what days differ by is taken into account (Kish's design effect, Student's quantile).
""")

PEOPLE = _flow(f"""
**Pictures an hour:** pictures a person finished, put off or looked at a second time, for each hour they had one
before them; a look of more than {LONGEST / 60:.0f} minutes counts as {LONGEST / 60:.0f}. **Agreement:** of the
tags that came up in independent second looks, the share on which both people agreed; it says as much about the
tags as about the people. **Changed by others:** of a person's decisions, the share that somebody else turned
round later.

People are listed by name, and figures of fewer than {FEW} cases are left out or grey: they say nothing yet.
What is easy to tag differs from batch to batch; nobody should be paid or ranked by these figures.
""")

DRIFT = _flow(f"""
Once a day the pictures of the last {drift.NOW} days are compared with those of the {drift.REFERENCE} days
before. **Pictures:** are their vectors other ones? The statistic is the maximum mean discrepancy of up to 400
pictures on either side; p says how likely chance alone shows as much, told by exchanging whole uploads 999
times, since what was uploaded together looks alike. An alarm is p of at most {drift.FALSE_ALARMS:.0%}: where
nothing changed, {drift.FALSE_ALARMS:.0%} of checks raise one. **Tags:** has the share of any tag among the
finished pictures changed? Intervals are so wide that where nothing changed, {drift.FALSE_ALARMS:.0%} of checks
list any tag.

A drift is no fault. It says that the library learned from other pictures than those that come in now, so that
accuracy of the past may not hold, and that reviewing some of the new ones is worth it.
""")


def source(found: Outcomes) -> str:
    """Where the outcomes come from, in a word."""
    return "blind sample" if found.is_blind else "as shown"
