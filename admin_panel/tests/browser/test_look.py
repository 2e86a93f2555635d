"""The look itself: what a browser complains of is seen."""

import pytest
from django.urls import reverse

pytestmark = pytest.mark.context("admin")


@pytest.mark.parametrize(
    "fault",
    [
        "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">')",
        "setTimeout('1 + 1')",
        "console.error('wrong')",
        "setTimeout(() => nothing())",
        "fetch('/nowhere/')",
    ],
)
def test_a_fault_is_a_complaint(look, fault):
    page = look.open(reverse("admin:login"))
    assert look.complaints == []
    page.evaluate(f"() => {fault}")
    look.settle()
    assert look.complaints
    look.complaints.clear()
