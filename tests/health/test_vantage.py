"""One verdict from several probers: by table, by properties, and against a look at every tick."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest

from geodns.health.machine import State
from geodns.health.vantage import Quorum, Report, Rules, Verdict, judge, next_change

U, UP, DOWN = State.UNKNOWN, State.UP, State.DOWN
RULES = Rules(max_age=30, keep=100)
HALF, TWO_THIRDS, ALL = Quorum(), Quorum(share=2 / 3), Quorum(share=1.0)
BETTER = {DOWN: 0, U: 1, UP: 2}
TICKS = 120


def said(words: str, at: float = 0.0) -> list[Report]:
    """Reports of as many vantage points as there are letters: ``u`` up, ``d`` down, ``-`` none."""
    return [
        Report(f"v{number}", word == "u", at) for number, word in enumerate(words) if word != "-"
    ]


def state_after(former: State, words: str, rules: Rules = RULES) -> State:
    return judge(Verdict(former, 0.0, fresh_until=30.0), said(words), 1.0, rules).state


@pytest.mark.parametrize(
    ("words", "from_unknown", "from_up", "from_down"),
    [
        ("uuu", UP, UP, UP),
        ("uud", UP, UP, UP),
        ("udd", DOWN, DOWN, DOWN),
        ("ddd", DOWN, DOWN, DOWN),
        ("ud", U, UP, DOWN),
        ("uudd", U, UP, DOWN),
        ("uuddd", DOWN, DOWN, DOWN),
        ("d", U, UP, DOWN),  # it alone is fresh, so it may be the one that is cut off
        ("u", U, UP, DOWN),
        ("d--", U, UP, DOWN),
        ("dd-", DOWN, DOWN, DOWN),
        ("-", U, UP, DOWN),
    ],
)
def test_the_majority_of_two_or_more_fresh_reports_decides_and_else_the_former_verdict_stays(
    words: str, from_unknown: State, from_up: State, from_down: State
) -> None:
    found = [state_after(former, words) for former in (U, UP, DOWN)]
    assert found == [from_unknown, from_up, from_down]


@pytest.mark.parametrize(
    ("rules", "words", "from_up", "from_down"),
    [
        (RULES._replace(least=1), "d", DOWN, DOWN),
        (RULES._replace(least=4), "ddd", UP, DOWN),
        (RULES._replace(down_quorum=ALL), "dddu", UP, DOWN),
        (RULES._replace(down_quorum=ALL), "dddd", DOWN, DOWN),
        (RULES._replace(down_quorum=TWO_THIRDS), "ddu", DOWN, DOWN),
        (RULES._replace(down_quorum=TWO_THIRDS), "dddu", DOWN, DOWN),
        (RULES._replace(down_quorum=TWO_THIRDS), "ddduu", UP, DOWN),
        (RULES._replace(down_quorum=Quorum(3)), "dd", UP, DOWN),
        (RULES._replace(down_quorum=Quorum(3)), "ddd", DOWN, DOWN),
        (RULES._replace(down_quorum=Quorum(2), up_quorum=Quorum(2)), "uudd", UP, DOWN),
        (RULES._replace(down_quorum=Quorum(2), up_quorum=ALL), "uuudd", DOWN, DOWN),
    ],
)
def test_a_quorum_is_a_share_or_a_number(
    rules: Rules, words: str, from_up: State, from_down: State
) -> None:
    assert state_after(UP, words, rules) is from_up
    assert state_after(DOWN, words, rules) is from_down


def test_with_nothing_fresh_the_verdict_stays_for_a_while_and_is_unknown_then() -> None:
    reports = said("ddd")
    verdict = judge(Verdict(), reports, 5.0, RULES)
    assert verdict == Verdict(DOWN, 5.0, 3, 3, 30.0)
    assert next_change(verdict, reports, 5.0, RULES) == 30.0
    verdict = judge(verdict, reports, 30.0, RULES)
    assert verdict == Verdict(DOWN, 5.0, 0, 0, 30.0)
    assert next_change(verdict, reports, 30.0, RULES) == 130.0
    assert judge(verdict, reports, 129.9, RULES).state is DOWN
    verdict = judge(verdict, [], 130.0, RULES)
    assert verdict == Verdict(U, 130.0, 0, 0, 30.0)
    assert next_change(verdict, [], 130.0, RULES) is None


def test_a_vantage_point_counts_once_by_its_newest_report() -> None:
    reports = [Report("a", False, 1), Report("a", True, 3), Report("a", False, 2), *said("du", 3)]
    assert judge(Verdict(), reports, 4, RULES)[2:4] == (3, 1)
    twice = [Report("a", False, at) for at in range(9)]
    assert judge(Verdict(UP), [*twice, Report("b", True, 0)], 9, RULES).state is UP


def test_of_two_reports_of_the_same_moment_the_better_news_holds() -> None:
    both = [Report("a", True, 1), Report("a", False, 1)]
    for reports in (both, both[::-1]):
        assert judge(Verdict(), reports, 2, RULES._replace(least=1)).state is UP


def test_a_clock_that_is_far_ahead_does_not_make_a_report_count_for_ever() -> None:
    year_ahead, a_bit_ahead = said("dd", 3e7), said("dd", 3.0)
    before = Verdict(UP, 0.0, fresh_until=0.0)
    assert judge(before, year_ahead, 0.0, RULES).state is UP
    assert next_change(Verdict(), year_ahead, 0.0, RULES) == 3e7 - 30
    assert judge(before, a_bit_ahead, 0.0, RULES).state is DOWN
    older = [*said("dd"), *year_ahead]
    assert judge(before, older, 0.0, RULES).state is DOWN


def test_a_split_does_not_flap() -> None:
    """Two networks that each see one half: whatever comes in which order, nothing turns."""
    random, verdict, reports = Random(5), judge(Verdict(), said("uuuu"), 0.0, RULES), said("uudd")
    for now in range(1, 2000):
        number = random.randrange(4)
        reports[number] = reports[number]._replace(at=now)
        verdict = judge(verdict, reports, now, RULES)
        assert verdict[:2] == (UP, 0.0)


def _reports(random: Random, count: int, until: int) -> list[Report]:
    leaning = random.choice([0.0, 0.2, 0.5, 0.8, 1.0])
    names = "abcde"[: random.randint(1, 5)]
    return [
        Report(random.choice(names), random.random() < leaning, random.randrange(until))
        for _ in range(count)
    ]


def _rules(random: Random) -> Rules:
    def quorum() -> Quorum:
        return random.choice([HALF, HALF, TWO_THIRDS, Quorum(share=0.6), ALL, *map(Quorum, (1, 3))])

    return Rules(
        random.randint(1, 40), random.choice([0, 5, 50]), random.randint(1, 4), quorum(), quorum()
    )


def _needed(quorum: Quorum, fresh: int) -> int:
    """The least number of agreeing reports that is enough; more than there are: none is."""
    if quorum.number is not None:
        return quorum.number
    share = Fraction(quorum.share).limit_denominator(100)
    return next(n for n in range(fresh + 1) if n > Fraction(fresh, 2) and n >= share * fresh)


def _by_looking_at_every_tick(reports: list[Report], rules: Rules) -> list[State]:
    """The state at every tick, where each report comes at its own time."""
    state, states, silent_for = U, [], 0
    for now in range(TICKS):
        fresh = [one for one in reports if one.at <= now and now - one.at < rules.max_age]
        words = {one.vantage: one.up for one in sorted(fresh, key=lambda one: (one.at, one.up))}
        ups, downs = sum(words.values()), sum(not up for up in words.values())
        silent_for = 0 if words else silent_for + 1
        if silent_for > rules.keep:
            state = U
        if words and len(words) >= rules.least:
            says_up = ups >= _needed(rules.up_quorum, len(words))
            says_down = downs >= _needed(rules.down_quorum, len(words))
            if says_up and not says_down:
                state = UP
            if says_down and not says_up:
                state = DOWN
        states.append(state)
    return states


def _by_reports_and_timers(reports: list[Report], rules: Rules, random: Random) -> list[State]:
    """The same, judged only when a report comes and when time alone could change the verdict."""
    verdict, states, due = Verdict(), [], None
    for now in range(TICKS):
        known = [one for one in reports if one.at <= now]
        if random.random() < 0.5:  # whoever forgets old reports is told the same
            known = [one for one in known if now - one.at < rules.max_age]
        random.shuffle(known)
        if due == now or any(one.at == now for one in reports):
            verdict = judge(verdict, known, now, rules)
            due = next_change(verdict, known, now, rules)
            assert due is None or due > now
        states.append(verdict.state)
    return states


def test_reports_and_timers_give_what_a_look_at_every_tick_gives() -> None:
    turns = 0
    for seed in range(3000):
        random = Random(seed)
        reports, rules = _reports(random, random.randint(0, 25), TICKS), _rules(random)
        expected = _by_looking_at_every_tick(reports, rules)
        assert _by_reports_and_timers(reports, rules, random) == expected, f"seed {seed}"
        turns += sum(a is not b for a, b in pairwise(expected))
    assert turns > 3000  # the histories are worth looking at


def test_neither_order_nor_stale_reports_make_a_difference() -> None:
    for seed in range(3000):
        random = Random(seed)
        rules, now = _rules(random), random.randint(0, 80)
        reports = _reports(random, random.randint(0, 12), 60)
        before = Verdict(random.choice([U, UP, DOWN]), 0.0, fresh_until=random.randint(0, 80))
        found = judge(before, reports, now, rules)
        moved = random.sample(reports, len(reports))
        assert judge(before, moved, now, rules) == found, f"seed {seed}"
        fresh = [one for one in reports if now - one.at < rules.max_age]
        assert judge(before, fresh, now, rules) == found, f"seed {seed}"


def test_more_reports_of_down_never_make_a_verdict_better() -> None:
    for seed in range(3000):
        random = Random(seed)
        rules, now = _rules(random), random.randint(0, 60)
        reports = _reports(random, random.randint(1, 12), 60)
        before = Verdict(random.choice([U, UP, DOWN]), 0.0, fresh_until=random.randint(0, 80))
        number = random.randrange(len(reports))
        worse, better = list(reports), list(reports)
        worse[number] = worse[number]._replace(up=False)
        better[number] = better[number]._replace(up=True)
        states = [judge(before, given, now, rules).state for given in (worse, better)]
        assert BETTER[states[0]] <= BETTER[states[1]], f"seed {seed}"


@pytest.mark.parametrize("truth", [True, False])
def test_one_dissenting_prober_of_three_never_turns_the_verdict(truth: bool) -> None:
    """Whenever each of them speaks or is silent; the dissenter may say anything at any time."""
    for seed in range(1000):
        random, rules = Random(seed), Rules(max_age=10, keep=20)
        known: dict[str, Report] = {}
        verdict = Verdict(UP if truth else DOWN, 0.0, fresh_until=0.0)
        chatty = [random.random() for _ in range(3)]
        for now in range(60):
            for vantage, often in zip("abc", chatty, strict=True):
                if random.random() < often:
                    up = random.random() < 0.5 if vantage == "c" else truth
                    known[vantage] = Report(vantage, up, now)
            verdict = judge(verdict, known.values(), now, rules)
            assert verdict.state is not (DOWN if truth else UP), f"seed {seed}"
