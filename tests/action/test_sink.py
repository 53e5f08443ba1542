"""How long a request is tried, on a clock of the test's own."""

import pytest

from ssa.action.sink import ATTEMPTS, BUSY, Patience, SinkError


class Clock:
    """Time that only passes in a pause, or while a request takes some."""

    def __init__(self):
        self.now, self.pauses = 1_000.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.pauses.append(seconds)


class Request:
    """Fails with some errors, each after some seconds, then answers."""

    def __init__(self, clock, *errors, seconds=0.0):
        self.clock, self.errors, self.seconds, self.calls = clock, list(errors), seconds, 0

    def __call__(self):
        self.calls += 1
        self.clock.now += self.seconds
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log():
    return []


def patience(clock, log, seconds=225.0, **settings):
    return Patience(lambda *line: log.append(line), seconds, clock=clock, sleep=clock.sleep, **settings)


def temporary(status=500, after=0.0):
    return SinkError(f"answered {status}", temporary=True, status=status, after=after)


def test_a_request_that_succeeds_is_sent_once(clock, log):
    request = Request(clock)
    assert patience(clock, log)("it", request) == "answer"
    assert (request.calls, clock.pauses, log) == (1, [], [])


def test_what_can_succeed_later_is_tried_again_after_growing_pauses_and_logged(clock, log):
    request = Request(clock, *[temporary()] * 4)
    assert patience(clock, log)("it", request) == "answer"
    for pause, expected in zip(clock.pauses, (0.5, 1, 2, 4), strict=True):
        assert expected * 0.75 <= pause <= expected * 1.25
    assert log[0] == ("WARN", f"it: try 1 failed, again in {clock.pauses[0]:.2f} s: answered 500")


def test_pauses_grow_to_sixteen_times_the_first(clock, log):
    patience(clock, log)("it", Request(clock, *[temporary(503)] * 9))
    assert max(clock.pauses) <= 0.5 * 16 * 1.25
    assert min(clock.pauses[6:]) >= 0.5 * 16 * 0.75


def test_what_cannot_succeed_later_is_not_tried_again(clock, log):
    request = Request(clock, SinkError("answered 403", status=403))
    with pytest.raises(SinkError, match="answered 403"):
        patience(clock, log)("it", request)
    assert (request.calls, log) == (1, [])


def test_a_failure_that_may_be_the_requests_own_is_tried_five_times(clock, log):
    request = Request(clock, *[temporary(500)] * 99)
    with pytest.raises(SinkError, match="answered 500"):
        patience(clock, log)("it", request)
    assert (request.calls, len(log)) == (ATTEMPTS, ATTEMPTS - 1) == (5, 4)


@pytest.mark.parametrize("status", BUSY)
def test_what_every_request_would_meet_is_tried_for_half_of_the_time_that_is_left(clock, log, status):
    started, tries = clock(), patience(clock, log)
    with pytest.raises(SinkError, match=f"answered {status}"):
        tries("it", Request(clock, *[temporary(status)] * 999))
    assert 225 / 2 - 11 < clock() - started < 225 / 2
    assert tries("another", Request(clock)) == "answer"


@pytest.mark.parametrize("status", [0, 500])
def test_requests_that_hang_never_go_past_the_deadline_by_more_than_one(clock, log, status):
    started, tries = clock(), patience(clock, log)
    for _ in range(80):
        with pytest.raises(SinkError):
            tries("it", Request(clock, *[temporary(status)] * 999, seconds=30))
    assert clock() - started <= 225 + 30
    late = Request(clock)
    with pytest.raises(SinkError, match=r"not tried: the time that maxtime in alert_actions\.conf leaves is used up"):
        tries("it", late)
    assert late.calls == 0


def test_retry_after_is_waited_for(clock, log):
    patience(clock, log)("it", Request(clock, temporary(429, after=42)))
    assert clock.pauses == [42]


@pytest.mark.parametrize("after", [200, 10**6])
def test_retry_after_beyond_the_time_ends_the_tries(clock, log, after):
    with pytest.raises(SinkError, match="answered 429"):
        patience(clock, log)("it", Request(clock, temporary(429, after=after)))
    assert clock.pauses == []


def test_the_budget_bounds_what_failures_cost_over_all_requests(clock, log):
    started, questions = clock(), patience(clock, log, budget=60)
    for _ in range(10):
        with pytest.raises(SinkError):
            questions("it", Request(clock, *[temporary(0)] * 999, seconds=30))
    assert 60 <= clock() - started <= 90


def test_requests_that_succeed_cost_no_budget(clock, log):
    questions = patience(clock, log, budget=60)
    assert [questions("it", Request(clock, seconds=10)) for _ in range(20)] == ["answer"] * 20
