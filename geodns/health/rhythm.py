"""At which moments a target is probed: evenly among all, and never more than an interval apart.

Theory. The multiples of an irrational number, modulo 1, fill the unit interval evenly, however many
there are; so do pairs of multiples of two such numbers the unit square. The n-th target takes the
n-th pair: its phase, and where its jitter begins. So as many probes start in any short time as in
any other, for any number of targets, and for those that are left when some are taken out. With
drawn numbers a tenth of a second would have anything from two thirds to four thirds of its share,
and phases that drift by drawn gaps come together by chance, again and again.

A target's beats are ``_PACE`` intervals apart, give or take its jitter. This is anchored to the
moment at which it was put in: whoever left its beat (a fast interval, a probe that took long, a
process that stood still) comes back to it, so no event that hits many leaves them in step.
"""

from __future__ import annotations

import math
from typing import NamedTuple

# The sequence R2 of M. Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018):
# powers of the real root of x³ = x + 1.
_ROOT = 1.324717957244746
_PHASE, _JITTER = 1 / _ROOT, 1 / _ROOT**2
_TURN = (math.sqrt(5) - 1) / 2  # the jitter's step from beat to beat
# Jitter moves a beat by 0 to _WIDTH of the interval, so two are 0.945 to 0.985 of it apart.
_PACE, _WIDTH = 0.96, 0.04
_FIRST_WITHIN = 1.0  # seconds over which the first probes of a few targets are spread
_FIRST_RATE = 1000  # first probes a second, at most: connections that all open at once get lost


class Rhythm(NamedTuple):
    """The beats of one target: the ``number``-th, put in at ``begun``; times are in seconds."""

    number: int
    begun: float

    def first(self, interval: float, crowd: int) -> float:
        """When it is probed first, as one of ``crowd`` that were put in together."""
        within = min(interval, max(_FIRST_WITHIN, crowd / _FIRST_RATE))
        return self._time(0, within)

    def after(self, start: float, interval: float) -> float:
        """When the next probe is due after one that started at ``start``: half an interval to one.

        It is the target's next beat, if that is so far away, else halfway to the one after it: two
        looks within a moment would be less evidence than two results in a row are meant to be.
        """
        latest = start + interval
        beat = math.floor((latest - self.begun) / interval / _PACE - self._phase)
        due = self._time(beat, interval)
        if due > latest:  # by its jitter, which is less than a beat
            beat -= 1
            due = self._time(beat, interval)
        if due < start + interval / 2:
            return (start + self._time(beat + 1, interval)) / 2
        return due

    def _time(self, beat: int, interval: float) -> float:
        jitter = (self.number * _JITTER + beat * _TURN) % 1
        return self.begun + interval * (_PACE * (beat + self._phase) + _WIDTH * jitter)

    @property
    def _phase(self) -> float:
        return self.number * _PHASE % 1
