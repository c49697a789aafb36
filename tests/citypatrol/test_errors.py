import pytest

from citypatrol.errors import ConfigError, Problem, Reject, Retry


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("city.yaml", 7, 3, "unknown key"), "city.yaml:7:3: unknown key"),
        (Problem("city.yaml", 0, 0, "cannot be read"), "city.yaml: cannot be read"),
    ],
)
def test_a_problem_names_its_place(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_a_config_error_holds_every_problem_in_order() -> None:
    error = ConfigError([Problem("b", 1, 1, "x"), Problem("a", 9, 1, "y"), Problem("a", 2, 1, "z")])
    assert str(error) == "a:2:1: z\na:9:1: y\nb:1:1: x"
    assert [problem.line for problem in error.problems] == [2, 9, 1]


def test_retry_and_reject_say_why() -> None:
    assert (str(Retry("503", after_s=2.5)), Retry("503", after_s=2.5).after_s) == ("503", 2.5)
    assert Retry("503").after_s is None
    assert Reject("400: bad").reason == "400: bad"
